"""What a browser sends for a page of elsewhere changes nothing in the embedded AWS, and runs nothing."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from include.local_aws.control import Control
from tests.integration.embedded_aws import STACK_NAME, LocalAws

EVIL = "http://evil.test"
CROSS_SITE = {"Origin": EVIL, "Referer": f"{EVIL}/", "Sec-Fetch-Site": "cross-site"}
FORM = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1"}
FETCH = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}
KEY, SOUND, BAD = "glue/transform.py", b"print('sound')", b"print('bad')"
# What a form with a field `key` and a file sends: S3's POST Object, which needs no signature here.
MULTIPART = (
    b'--B\r\nContent-Disposition: form-data; name="key"\r\n\r\n%s\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\nContent-Type: text/plain\r\n\r\n'
    b"%s\r\n--B--\r\n"
) % (KEY.encode(), BAD)
MULTIPART_TYPE = {"Content-Type": "multipart/form-data; boundary=B"}
URLENCODED_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
DELETE_STACK = f"Action=DeleteStack&Version=2010-05-15&StackName={STACK_NAME}"


@pytest.fixture
def bucket(local_aws: LocalAws, control: Control) -> Iterator[str]:
    """The stack's bucket, with a program that nothing here may change; nothing else may be changed either."""
    name = local_aws.outputs["Bucket"]
    s3 = local_aws.client("s3")
    s3.put_object(Bucket=name, Key=KEY, Body=SOUND)
    control.fail_call("s3.GetBucketWebsite", "NotToBeTakenOut")
    control.reset_requests()
    yield name
    assert not any("DeleteStack" in asked or "CreateStack" in asked for asked in control.requests().counts)
    assert len(control.faults()) == 1
    assert s3.get_object(Bucket=name, Key=KEY)["Body"].read() == SOUND
    assert local_aws.outputs["Bucket"] == name


def send(
    aws: LocalAws, method: str, path: str, headers: dict[str, str], body: bytes | str | None = None
) -> tuple[int, str]:
    """One request, its Host among the headers if it is to be another."""
    address = urlsplit(aws.endpoint_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        assert answer.headers["Access-Control-Allow-Origin"] is None
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(CROSS_SITE, id="today's browser"),
        pytest.param({"Origin": EVIL}, id="one without fetch metadata"),
        pytest.param({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, id="a sandboxed frame"),
        pytest.param(
            {"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-site"}, id="a page of another port"
        ),
    ],
)
@pytest.mark.parametrize("how", [FORM, FETCH], ids=["form", "no-cors"])
def test_a_multipart_form_puts_nothing_into_a_bucket(
    local_aws: LocalAws, bucket: str, says: dict[str, str], how: dict[str, str]
) -> None:
    status, said = send(local_aws, "POST", f"/{bucket}", {**says, **how, **MULTIPART_TYPE}, MULTIPART)
    assert status == 403, said
    assert "is not allowed" in said


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        pytest.param("POST", "/", {**CROSS_SITE, **FORM, **URLENCODED_TYPE}, DELETE_STACK, id="urlencoded"),
        pytest.param(
            "POST", "/", {**CROSS_SITE, **FETCH, "Content-Type": "text/plain"}, DELETE_STACK, id="text/plain"
        ),
        pytest.param("GET", f"/?{DELETE_STACK}", {"Sec-Fetch-Site": "cross-site"}, None, id="an image"),
        pytest.param("GET", f"/?{DELETE_STACK}", {"Sec-Fetch-Site": "same-site", **FORM}, None, id="a link"),
        pytest.param("POST", "/moto-api/reset", {**CROSS_SITE, **FETCH}, None, id="moto's own"),
        pytest.param("DELETE", "/_local_aws/faults", CROSS_SITE, None, id="the control API"),
        pytest.param(
            "OPTIONS", "/_local_aws/faults", {**CROSS_SITE, "Access-Control-Request-Method": "DELETE"}, None,
            id="a preflight",
        ),
    ],
)  # fmt: skip
def test_no_request_of_a_page_is_answered(
    local_aws: LocalAws, method: str, path: str, headers: dict[str, str], body: str | None
) -> None:
    assert send(local_aws, method, path, headers, body)[0] == 403


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test", "localhost.evil.test"])
def test_a_name_that_was_made_to_lead_here_is_refused(local_aws: LocalAws, bucket: str, host: str) -> None:
    port = urlsplit(local_aws.endpoint_url).port
    own = {"Host": f"{host}:{port}", "Origin": f"http://{host}:{port}", "Sec-Fetch-Site": "same-origin"}
    assert send(local_aws, "POST", f"/{bucket}", {**own, **MULTIPART_TYPE}, MULTIPART)[0] == 403
    assert send(local_aws, "DELETE", "/_local_aws/faults", own)[0] == 403
    # The page's own origin lets it read, and a read says no origin.
    status, said = send(local_aws, "GET", f"/{bucket}/{KEY}", {"Host": f"{host}:{port}"})
    assert status == 403
    assert "sound" not in said


def test_the_body_of_what_was_refused_is_not_taken_for_a_request(local_aws: LocalAws, bucket: str) -> None:
    address = urlsplit(local_aws.endpoint_url)
    inner = f"DELETE /{bucket}/{KEY} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n"
    outer = (
        f"POST / HTTP/1.1\r\nHost: {address.netloc}\r\nOrigin: {EVIL}\r\nContent-Length: {len(inner)}\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall((outer + inner).encode())
        said = b"".join(iter(lambda: connection.recv(65536), b""))
    assert said.count(b"HTTP/1.1") == 1
    assert b"403 Forbidden" in said


def test_presigned_addresses_go_on_working(local_aws: LocalAws, bucket: str) -> None:
    given = {"Bucket": bucket, "Key": KEY}
    address = urlsplit(local_aws.client("s3").generate_presigned_url("get_object", Params=given))
    opened = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for headers in ({}, opened):
        status, said = send(local_aws, "GET", f"{address.path}?{address.query}", headers)
        assert (status, said) == (200, SOUND.decode())


def test_the_name_of_a_bucket_may_stand_before_the_hosts(local_aws: LocalAws, bucket: str) -> None:
    port = urlsplit(local_aws.endpoint_url).port
    s3 = boto3.client(
        "s3",
        endpoint_url=f"http://localhost:{port}",
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106
        config=Config(s3={"addressing_style": "virtual"}),
    )
    address = urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": KEY}))
    assert address.netloc == f"{bucket}.localhost:{port}"
    # Sent to where that name leads, which not every machine's resolver knows.
    status, said = send(local_aws, "GET", f"{address.path}?{address.query}", {"Host": address.netloc})
    assert (status, said) == (200, SOUND.decode())


@pytest.mark.parametrize("service", ["stepfunctions", "s3", "cloudformation"])
def test_a_client_is_told_which_hosts_are_allowed(
    local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    put = http.client.HTTPConnection.putheader

    def putheader(connection: http.client.HTTPConnection, name: str, *values: str) -> None:
        put(connection, name, *(("aws:4566",) if name.lower() == "host" else values))

    monkeypatch.setattr("botocore.awsrequest.AWSHTTPConnection.putheader", putheader)
    call = {"stepfunctions": "list_state_machines", "s3": "list_buckets", "cloudformation": "list_stacks"}
    with pytest.raises(ClientError, match=r"AccessDenied.*Host: 'aws:4566' is not allowed; loopback and"):
        getattr(local_aws.client(service), call[service])()
