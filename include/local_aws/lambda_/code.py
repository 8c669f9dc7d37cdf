"""Code of functions and layers: zips, unpacked as Lambda unpacks them."""

from __future__ import annotations

import io
import shutil
import threading
import zipfile
from pathlib import Path

# Systems whose zips hold permissions, by the number that a zip gives them: Unix and macOS.
UNIX = (3, 19)
FOLDER_MODE, FILE_MODE = 0o755, 0o644
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_UNZIPPED = 262_144_000

_lock = threading.Lock()


def fault(code: bytes) -> str | None:
    """Why code is refused, in AWS's words, if it is."""
    try:
        with zipfile.ZipFile(io.BytesIO(code)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_UNZIPPED:
                return f"Unzipped size must be smaller than {LARGEST_UNZIPPED} bytes"
    except zipfile.BadZipFile:
        return "Could not unzip uploaded file. Please check your file, then try to upload again."
    return None


def unpack(code: bytes, folder: Path) -> None:
    """
    Unpack code, unless it is unpacked already.

    :param folder: where to; one folder for the same code.
    """
    with _lock:
        if folder.exists():
            return
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        with zipfile.ZipFile(io.BytesIO(code)) as archive:
            for entry in archive.infolist():
                _extract(archive, entry, unfinished)
        unfinished.rename(folder)


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """
    Unpack a file or folder with the permissions that the archive gives it.

    Zips of Windows, and of Java, have none: Lambda lets everybody read what is in them. Folders that have no
    entry are readable too.
    """
    target = Path(archive.extract(entry, folder))
    for parent in target.parents:
        if parent == folder:
            break
        if f"{parent.relative_to(folder).as_posix()}/" not in archive.NameToInfo:
            parent.chmod(FOLDER_MODE)
    if entry.create_system in UNIX:
        mode = entry.external_attr >> 16 & 0o777
    else:
        mode = FOLDER_MODE if entry.is_dir() else FILE_MODE
    # The owner, which the embedded AWS is, goes on being able to remove it.
    target.chmod(mode | (0o700 if entry.is_dir() else 0o600))
