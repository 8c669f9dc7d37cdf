"""Keeps web pages out: a browser lets every page send requests to 127.0.0.1, and forms even unasked.

Whoever may write to a bucket runs code here, so what a page of elsewhere has sent reaches no service. What
browsers say of a request: https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

LOCALHOST = "localhost"
HOST_NAME = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:\d{1,5})?")
# "none" is the person's own doing: an address typed in, or a bookmark.
OWN_SITES = ("same-origin", "none")


class NoWebPages:
    """
    A WSGI application around the one that answers.

    :param application: answers what is not refused.
    :param allowed_hosts: names that it is reached by, beside those of loopback. Any other may be one that a
        page has made to lead here (DNS rebinding), and what it sends then looks like its own site's.
    """

    def __init__(self, application: Callable[..., Any], allowed_hosts: Collection[str] = ()) -> None:
        self._application = application
        self._names = (LOCALHOST, *(name.lower() for name in allowed_hosts))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if reason := self._refusal(environ):
            return _refuse(reason, start_response)
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer

    def _refusal(self, environ: dict[str, Any]) -> str:
        host, origin = environ.get("HTTP_HOST", "").lower(), environ.get("HTTP_ORIGIN")
        site = environ.get("HTTP_SEC_FETCH_SITE", "none")
        if not self._is_own(host):
            return f"Host: {host!r} is not allowed; loopback and what --allow-host names are"
        if origin is not None and origin.lower() != f"http://{host}":
            return f"Origin: {origin!r} is not allowed; pages of other origins have no business here"
        if site not in OWN_SITES:
            return f"Sec-Fetch-Site: {site!r} is not allowed; {' and '.join(OWN_SITES)} are"
        return ""

    def _is_own(self, host: str) -> bool:
        parts = _HOST.fullmatch(host)
        name = parts["name"].strip("[]") if parts else ""
        # S3 puts the name of a bucket before the host's (virtual-hosted style).
        if any(name == own or name.endswith(f".{own}") for own in self._names):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def _refuse(reason: str, start_response: Callable[..., Any]) -> list[bytes]:
    message = f"The embedded AWS refuses this request. {reason}"
    error = f"<Error><Code>AccessDenied</Code><Message>{escape(message)}</Message></Error>"
    # botocore reads the message out of this for each of its protocols.
    body = f"<ErrorResponse>{error}</ErrorResponse>".encode()
    headers = [
        ("Content-Type", "application/xml"),
        ("Content-Length", str(len(body))),
        ("x-amzn-errortype", "AccessDenied"),
        ("x-amzn-RequestId", str(uuid4())),
        # The body was not read, and may be made to look like a request.
        ("Connection", "close"),
    ]
    start_response("403 Forbidden", headers)
    return [body]
