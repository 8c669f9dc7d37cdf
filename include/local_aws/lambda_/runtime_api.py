"""
Lambda's Runtime API, for one sandbox: what its runtime client asks for events and gives answers to.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.serving import make_server

from include.local_aws.gateway.web_pages import NoWebPages

HOST = "127.0.0.1"
ROOT = "/2018-06-01/runtime"
_ANSWER = re.compile(rf"{ROOT}/invocation/(?P<id>[^/]+)/(?P<kind>response|error)")
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 6 MB, and what goes around it.
LARGEST_RESPONSE = 6_291_556


@dataclass(frozen=True)
class Event:
    """
    What a runtime is given to do.

    :param headers: what is said of the invocation, by the API's names.
    """

    request_id: str
    payload: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """
    What a function gave back.

    :param error: errorType of what it failed with; empty if it did not.
    """

    payload: bytes
    error: str = ""


class RuntimeApi:
    """
    Listens on a port of its own; the runtime client takes an address, not a path.

    What there is to wait for is told through :attr:`changed`.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.waiting = False
        self.init_error: Answer | None = None
        self.answer: Answer | None = None
        self._event: Event | None = None
        self._given: Event | None = None
        self._closed = False
        self._server = make_server(HOST, 0, NoWebPages(self._respond), threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name="runtime api", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"{HOST}:{self._server.server_port}"

    def offer(self, event: Event) -> None:
        """Give the runtime an event, as soon as it asks for one; the answer to the last is forgotten."""
        with self.changed:
            self.answer, self._event, self.waiting = None, event, False
            self.changed.notify_all()

    def close(self) -> None:
        """Stop listening."""
        with self.changed:
            self._closed = True
            self.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def _respond(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, headers, body = self._done(environ)
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _done(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if (method, path) == ("GET", f"{ROOT}/invocation/next"):
            return self._next()
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        kind = environ.get("HTTP_LAMBDA_RUNTIME_FUNCTION_ERROR_TYPE", "")
        if (method, path) == ("POST", f"{ROOT}/init/error"):
            with self.changed:
                self.init_error = Answer(body, _error_type(body, kind))
                self.changed.notify_all()
            return _accepted()
        found = _ANSWER.fullmatch(path)
        if method != "POST" or not found:
            return _refused("404 Not Found", "InvalidPath", f"there is no {method} {path}")
        with self.changed:
            if self._given is None or found["id"] != self._given.request_id or self.answer:
                return _refused("400 Bad Request", "InvalidRequestID", "Invalid request ID")
            failed = found["kind"] == "error"
            if len(body) > LARGEST_RESPONSE:
                self.answer = _too_large()
            else:
                self.answer = Answer(body, _error_type(body, kind) if failed else "")
            self.changed.notify_all()
        return _accepted()

    def _next(self) -> tuple[str, list[tuple[str, str]], bytes]:
        with self.changed:
            self.waiting = True
            self.changed.notify_all()
            self.changed.wait_for(lambda: self._event or self._closed)
            event, self._event = self._event, None
            if event is None:
                return _refused("410 Gone", "Closed", "this sandbox is gone")
            self._given, self.waiting = event, False
        headers = {
            **event.headers,
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Content-Type": "application/json",
        }
        return "200 OK", list(headers.items()), event.payload


def _too_large() -> Answer:
    # As AWS says it: LocalStack (tests/aws/services/lambda_/test_lambda.snapshot.json).
    kind = "Function.ResponseSizeTooLarge"
    message = f"Response payload size exceeded maximum allowed payload size ({LARGEST_RESPONSE} bytes)."
    return Answer(json.dumps({"errorMessage": message, "errorType": kind}).encode(), kind)


def _error_type(body: bytes, header: str) -> str:
    try:
        return str(json.loads(body)["errorType"]) or "Unhandled"
    except (ValueError, KeyError, TypeError):
        return header or "Unhandled"


def _accepted() -> tuple[str, list[tuple[str, str]], bytes]:
    return "202 Accepted", [("Content-Type", "application/json")], b'{"status":"OK"}\n'


def _refused(status: str, kind: str, message: str) -> tuple[str, list[tuple[str, str]], bytes]:
    body = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    return status, [("Content-Type", "application/json")], body
