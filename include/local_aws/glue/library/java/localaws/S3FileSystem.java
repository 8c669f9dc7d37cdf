package localaws;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSInputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * The S3 of the embedded AWS as a filesystem of Hadoop, where hadoop-aws and Amazon's SDK cannot be had.
 *
 * It asks as S3A does: first for the key, then for what is below it, so that a role needs the same rights. Folders
 * are not in S3: those without anything in them are known to this process alone. Signatures are not verified by
 * the embedded AWS. Compiled by Janino, which Spark has with it, so there are no lambdas and no generics.
 */
public class S3FileSystem extends FileSystem {
    private static final long BLOCK = 64L * 1024 * 1024;
    private static final Set EMPTY_FOLDERS = Collections.synchronizedSet(new HashSet());

    private URI uri;
    private Path workingDirectory;

    public void initialize(URI name, Configuration configuration) throws IOException {
        super.initialize(name, configuration);
        setConf(configuration);
        uri = URI.create(name.getScheme() + "://" + name.getAuthority());
        workingDirectory = new Path(uri + "/");
    }

    public URI getUri() {
        return uri;
    }

    public Path getWorkingDirectory() {
        return workingDirectory;
    }

    public void setWorkingDirectory(Path path) {
        workingDirectory = path;
    }

    public FileStatus getFileStatus(Path path) throws IOException {
        String key = key(path);
        if (!key.isEmpty()) {
            HttpURLConnection found = send("HEAD", key, "");
            int status = found.getResponseCode();
            if (status == 200) {
                return new FileStatus(
                    found.getContentLengthLong(), false, 1, BLOCK, found.getLastModified(), qualified(key));
            }
            if (status != 404) {
                throw failure(found, path);
            }
        }
        if (key.isEmpty() || EMPTY_FOLDERS.contains(name(key)) || !list(folder(key), false, 1).isEmpty()) {
            return directory(key);
        }
        throw new FileNotFoundException("No such file or directory: " + path);
    }

    public FileStatus[] listStatus(Path path) throws IOException {
        FileStatus status = getFileStatus(path);
        if (!status.isDirectory()) {
            return new FileStatus[] {status};
        }
        String prefix = folder(key(path));
        List found = list(prefix, true, 0);
        Object[] empty = EMPTY_FOLDERS.toArray();
        for (int i = 0; i < empty.length; i++) {
            String folder = (String) empty[i];
            if (folder.startsWith(name(prefix)) && folder.indexOf('/', name(prefix).length()) < 0) {
                FileStatus entry = directory(folder.substring(name("").length()));
                if (!found.contains(entry)) {
                    found.add(entry);
                }
            }
        }
        return (FileStatus[]) found.toArray(new FileStatus[0]);
    }

    public FSDataInputStream open(Path path, int bufferSize) throws IOException {
        FileStatus status = getFileStatus(path);
        if (status.isDirectory()) {
            throw new FileNotFoundException(path + " is a directory");
        }
        return new FSDataInputStream(new ObjectInput(key(path), status.getLen()));
    }

    public FSDataOutputStream create(
            Path path, FsPermission permission, boolean overwrite, int bufferSize, short replication,
            long blockSize, Progressable progress) throws IOException {
        if (!overwrite && exists(path)) {
            throw new FileAlreadyExistsException(path + " already exists");
        }
        return new FSDataOutputStream(new ObjectOutput(key(path)), statistics);
    }

    public FSDataOutputStream append(Path path, int bufferSize, Progressable progress) {
        throw new UnsupportedOperationException("Append is not supported by S3");
    }

    public boolean rename(Path from, Path to) throws IOException {
        if (!exists(from)) {
            return false;
        }
        boolean isDirectory = getFileStatus(from).isDirectory();
        Path target = exists(to) && getFileStatus(to).isDirectory() ? new Path(to, from.getName()) : to;
        String source = key(from);
        String destination = key(target);
        if (!isDirectory) {
            copy(source, destination);
            remove(source);
            return true;
        }
        List keys = keysBelow(source);
        for (int i = 0; i < keys.size(); i++) {
            String key = (String) keys.get(i);
            copy(key, destination + key.substring(source.length()));
            remove(key);
        }
        forget(source);
        if (keys.isEmpty()) {
            EMPTY_FOLDERS.add(name(destination));
        }
        return true;
    }

    public boolean delete(Path path, boolean recursive) throws IOException {
        if (!exists(path)) {
            return false;
        }
        String key = key(path);
        if (!getFileStatus(path).isDirectory()) {
            remove(key);
            return true;
        }
        List keys = keysBelow(key);
        if (!recursive && !keys.isEmpty()) {
            throw new IOException(path + " is not empty");
        }
        for (int i = 0; i < keys.size(); i++) {
            remove((String) keys.get(i));
        }
        forget(key);
        return true;
    }

    public boolean mkdirs(Path path, FsPermission permission) {
        for (Path folder = path; folder != null && !key(folder).isEmpty(); folder = folder.getParent()) {
            EMPTY_FOLDERS.add(name(key(folder)));
        }
        return true;
    }

    private String key(Path path) {
        String text = makeQualified(path).toUri().getPath();
        return text.startsWith("/") ? text.substring(1) : text;
    }

    private String folder(String key) {
        return key.isEmpty() || key.endsWith("/") ? key : key + "/";
    }

    private String name(String key) {
        return uri.getAuthority() + "/" + key;
    }

    private Path qualified(String key) {
        return new Path(uri + "/" + key);
    }

    private FileStatus directory(String key) {
        String bare = key.endsWith("/") ? key.substring(0, key.length() - 1) : key;
        return new FileStatus(0, true, 1, BLOCK, 0, qualified(bare));
    }

    private void forget(String key) {
        Object[] empty = EMPTY_FOLDERS.toArray();
        for (int i = 0; i < empty.length; i++) {
            String folder = (String) empty[i];
            if (folder.equals(name(key)) || folder.startsWith(name(folder(key)))) {
                EMPTY_FOLDERS.remove(folder);
            }
        }
    }

    private List keysBelow(String key) throws IOException {
        List keys = new ArrayList();
        List found = list(folder(key), false, 0);
        for (int i = 0; i < found.size(); i++) {
            keys.add(key(((FileStatus) found.get(i)).getPath()));
        }
        return keys;
    }

    private void copy(String from, String to) throws IOException {
        HttpURLConnection connection = connect("PUT", to, "");
        connection.setRequestProperty("x-amz-copy-source", "/" + uri.getAuthority() + "/" + encoded(from, true));
        expect(connection, 200, to);
    }

    private void remove(String key) throws IOException {
        expect(send("DELETE", key, ""), 204, key);
    }

    /** What is below a prefix: the next level alone, or all; at most so many, or all when that is 0. */
    private List list(String prefix, boolean oneLevel, int most) throws IOException {
        List found = new ArrayList();
        String token = "";
        do {
            String query = "?list-type=2&prefix=" + encoded(prefix, false) + (oneLevel ? "&delimiter=%2F" : "")
                + (most > 0 ? "&max-keys=" + most : "") + token;
            HttpURLConnection connection = send("GET", "", query);
            expect(connection, 200, prefix);
            Document answer = parsed(connection.getInputStream());
            NodeList objects = answer.getElementsByTagName("Contents");
            for (int i = 0; i < objects.getLength(); i++) {
                Element object = (Element) objects.item(i);
                String key = text(object, "Key");
                // What the console makes of a folder.
                if (!key.equals(prefix)) {
                    found.add(new FileStatus(
                        Long.parseLong(text(object, "Size")), false, 1, BLOCK,
                        Instant.parse(text(object, "LastModified")).toEpochMilli(), qualified(key)));
                }
            }
            NodeList folders = answer.getElementsByTagName("CommonPrefixes");
            for (int i = 0; i < folders.getLength(); i++) {
                found.add(directory(text((Element) folders.item(i), "Prefix")));
            }
            String next = text(answer.getDocumentElement(), "NextContinuationToken");
            token = next.isEmpty() || most > 0 ? "" : "&continuation-token=" + encoded(next, false);
        } while (!token.isEmpty());
        return found;
    }

    private static String text(Element element, String tag) {
        NodeList found = element.getElementsByTagName(tag);
        return found.getLength() == 0 ? "" : found.item(0).getTextContent();
    }

    private static Document parsed(InputStream stream) throws IOException {
        try {
            return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(stream);
        } catch (Exception error) {
            throw new IOException(error);
        }
    }

    private HttpURLConnection connect(String method, String key, String query) throws IOException {
        String address = System.getenv("AWS_ENDPOINT_URL") + "/" + uri.getAuthority() + "/";
        HttpURLConnection connection =
            (HttpURLConnection) new URL(address + encoded(key, true) + query).openConnection();
        connection.setRequestMethod(method);
        connection.setRequestProperty(
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=" + System.getenv("AWS_ACCESS_KEY_ID") + "/20000101/"
                + System.getenv("AWS_REGION") + "/s3/aws4_request, SignedHeaders=host, Signature=none");
        return connection;
    }

    private HttpURLConnection send(String method, String key, String query) throws IOException {
        HttpURLConnection connection = connect(method, key, query);
        connection.getResponseCode();
        return connection;
    }

    private void expect(HttpURLConnection connection, int status, String key) throws IOException {
        if (connection.getResponseCode() != status) {
            throw failure(connection, qualified(key));
        }
    }

    private static IOException failure(HttpURLConnection connection, Path path) throws IOException {
        int status = connection.getResponseCode();
        String said = "";
        InputStream stream = connection.getErrorStream();
        if (stream != null) {
            ByteArrayOutputStream read = new ByteArrayOutputStream();
            for (int next = stream.read(); next >= 0; next = stream.read()) {
                read.write(next);
            }
            said = new String(read.toByteArray(), StandardCharsets.UTF_8);
        }
        String reason = "S3 answers " + connection.getRequestMethod() + " with " + status + " " + said;
        if (status == 403) {
            return new AccessDeniedException(path.toString(), null, reason);
        }
        return status == 404 ? new FileNotFoundException(path + ": " + reason) : new IOException(path + ": " + reason);
    }

    private static String encoded(String text, boolean isPath) {
        StringBuilder result = new StringBuilder();
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < bytes.length; i++) {
            char c = (char) (bytes[i] & 0xff);
            if (c < 128 && (Character.isLetterOrDigit(c) || "-_.~".indexOf(c) >= 0 || isPath && c == '/')) {
                result.append(c);
            } else {
                result.append(String.format("%%%02X", new Object[] {Integer.valueOf(c)}));
            }
        }
        return result.toString();
    }

    /** Reads an object from where one is; a seek opens it anew. */
    private class ObjectInput extends FSInputStream {
        private final String key;
        private final long length;
        private long position = 0;
        private InputStream stream = null;

        ObjectInput(String key, long length) {
            this.key = key;
            this.length = length;
        }

        public long getPos() {
            return position;
        }

        public void seek(long target) throws IOException {
            if (target < 0 || target > length) {
                throw new java.io.EOFException("Cannot seek to " + target + " of " + length);
            }
            if (target != position) {
                close();
                position = target;
            }
        }

        public boolean seekToNewSource(long target) {
            return false;
        }

        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        public int read(byte[] buffer, int offset, int count) throws IOException {
            if (count == 0) {
                return 0;
            }
            if (position >= length) {
                return -1;
            }
            if (stream == null) {
                HttpURLConnection connection = connect("GET", key, "");
                connection.setRequestProperty("Range", "bytes=" + position + "-");
                expect(connection, 206, key);
                stream = connection.getInputStream();
            }
            int got = stream.read(buffer, offset, count);
            position += Math.max(got, 0);
            return got;
        }

        public void close() throws IOException {
            if (stream != null) {
                stream.close();
                stream = null;
            }
        }
    }

    /** Keeps what is written in a file, and makes it an object when it is whole. */
    private class ObjectOutput extends OutputStream {
        private final String key;
        private final File file;
        private final OutputStream stream;
        private boolean isOpen = true;

        ObjectOutput(String key) throws IOException {
            this.key = key;
            file = File.createTempFile("s3-", ".part");
            stream = new FileOutputStream(file);
        }

        public void write(int one) throws IOException {
            stream.write(one);
        }

        public void write(byte[] buffer, int offset, int count) throws IOException {
            stream.write(buffer, offset, count);
        }

        public void close() throws IOException {
            if (!isOpen) {
                return;
            }
            isOpen = false;
            stream.close();
            InputStream written = new FileInputStream(file);
            try {
                HttpURLConnection connection = connect("PUT", key, "");
                connection.setDoOutput(true);
                connection.setFixedLengthStreamingMode(file.length());
                OutputStream target = connection.getOutputStream();
                byte[] buffer = new byte[65536];
                for (int got = written.read(buffer); got >= 0; got = written.read(buffer)) {
                    target.write(buffer, 0, got);
                }
                target.close();
                expect(connection, 200, key);
            } finally {
                written.close();
                file.delete();
            }
        }
    }
}
