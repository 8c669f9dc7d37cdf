"""The embedded AWS answers programs and its own pages, and never a page of elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from include.local_aws.gateway.web_pages import NoWebPages

PORT = "127.0.0.1:4566"
EVIL = "http://evil.test"


def status(host: str | None = PORT, allowed_hosts: tuple[str, ...] = (), /, **headers: str) -> str:
    """The status of the answer to a request with these headers."""
    said: list[str] = []

    def answer(_: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return []

    environ = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    if host is not None:
        environ["HTTP_HOST"] = host
    NoWebPages(answer, allowed_hosts)(environ, lambda line, _: said.append(line))
    return said[0]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:4566",
        "127.0.0.1",
        "127.8.9.1:4566",
        "[::1]:4566",
        "localhost:4566",
        "LocalHost",
        "a-bucket.localhost:4566",
        "a.bucket.with.dots.localhost",
    ],
)
def test_loopback_is_answered_by_each_of_its_names(host: str) -> None:
    assert status(host) == "200 OK"


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.test:4566",
        "127.0.0.1.evil.test",
        "localhost.evil.test:4566",
        "evillocalhost",
        "evil.test,127.0.0.1",
        "127.0.0.1,evil.test",
        "127.0.0.1@evil.test",
        "evil.test#localhost",
        "evil.test/.localhost",
        "127.0.0.1:4566:80",
        "10.0.0.7:4566",
        "0.0.0.0:4566",
        "[::]:4566",
        "2130706433",
        "aws:4566",
    ],
)
def test_a_name_that_may_be_rebound_is_refused(host: str | None) -> None:
    assert status(host) == "403 Forbidden"
    assert status(host, origin=f"http://{host}", sec_fetch_site="same-origin") == "403 Forbidden"


def test_names_are_allowed_one_by_one() -> None:
    for host in ("aws:4566", "AWS", "a-bucket.aws:4566", PORT):
        assert status(host, ("aws",)) == "200 OK"
    for host in ("evil.test", "aws.evil.test", "laws"):
        assert status(host, ("aws",)) == "403 Forbidden"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": EVIL, "sec_fetch_site": "cross-site"}, id="a form, or a fetch"),
        pytest.param({"origin": EVIL}, id="a browser without fetch metadata"),
        pytest.param({"origin": "null"}, id="a sandboxed frame, or a file"),
        pytest.param({"origin": ""}, id="an origin that is empty"),
        pytest.param({"sec_fetch_site": "cross-site"}, id="an image, a script, a link"),
        pytest.param({"sec_fetch_site": "same-site"}, id="a page of another port"),
        pytest.param({"sec_fetch_site": "same-origin,cross-site"}, id="said twice"),
        pytest.param({"sec_fetch_site": "of-tomorrow"}, id="a value of tomorrow"),
        pytest.param({"origin": "http://127.0.0.1:8080"}, id="a page of another port, by its origin"),
        pytest.param({"origin": "https://127.0.0.1:4566"}, id="another scheme"),
        pytest.param({"origin": "http://localhost:4566"}, id="another name"),
    ],
)
def test_a_page_of_another_origin_is_refused(headers: dict[str, str]) -> None:
    assert status(**headers) == "403 Forbidden"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "same-origin"},
        {"origin": f"http://{PORT}", "sec_fetch_site": "same-origin"},
    ],
)
def test_programs_and_a_persons_own_doing_are_answered(headers: dict[str, str]) -> None:
    assert status(**headers) == "200 OK"
