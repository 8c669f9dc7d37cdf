"""What tests and benchmarks ask of the embedded AWS beside AWS's own API: JSON under /_local_aws/."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from include.local_aws.clock import clock
from include.local_aws.faults.checks import FaultError
from include.local_aws.faults.faults import Faults
from include.local_aws.gateway.quotas import Quotas
from include.local_aws.gateway.requests import Requests
from include.local_aws.iam.authorization import Authorization

ROOT = "/_local_aws/"
MAX_BODY_BYTES = 100_000


@dataclass(frozen=True)
class Controls:
    """What there is to look at and to change."""

    faults: Faults
    authorization: Authorization
    quotas: Quotas
    requests: Requests


class _RefusedError(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def answer(controls: Controls, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Carry out one request; a wrong one is answered with ``{"error": <what is wrong>}``."""
    try:
        status, content = HTTPStatus.OK, _done(controls, environ)
    except _RefusedError as error:
        status, content = error.status, {"error": str(error)}
    except FaultError as error:
        status, content = HTTPStatus.BAD_REQUEST, {"error": str(error)}
    body = json.dumps(content).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


def _done(controls: Controls, environ: dict[str, Any]) -> dict[str, Any]:
    path, method = environ["PATH_INFO"].removeprefix(ROOT), environ["REQUEST_METHOD"]
    actions: dict[str, dict[str, Callable[[], object]]] = {
        "faults": {
            "GET": lambda: None,
            "POST": lambda: controls.faults.add(_content(environ)),
            "DELETE": controls.faults.clear,
        },
        "requests": {"GET": lambda: None, "DELETE": controls.requests.reset},
        "authorization": {"GET": lambda: None},
        "clock": {"GET": lambda: None, "POST": lambda: clock.put_forward(_seconds(_content(environ)))},
        "quotas": {"GET": lambda: None, "PUT": lambda: controls.quotas.enforce(_enforced(_content(environ)))},
    }
    if path not in actions:
        raise _RefusedError(
            HTTPStatus.NOT_FOUND,
            f"there is no {ROOT}{path}; there are {', '.join(ROOT + a for a in actions)}",
        )
    if method not in actions[path]:
        raise _RefusedError(
            HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not allowed; {', '.join(actions[path])} are"
        )
    actions[path][method]()
    views: dict[str, Callable[[], dict[str, Any]]] = {
        "faults": lambda: {"faults": controls.faults.described()},
        "requests": controls.requests.described,
        "authorization": controls.authorization.described,
        "clock": lambda: {"now": clock.now().isoformat()},
        "quotas": lambda: {"enforced": controls.quotas.enforced},
    }
    return views[path]()


def _content(environ: dict[str, Any]) -> object:
    # Pages of other origins can send anything but JSON without being asked to show a permission first.
    if environ.get("CONTENT_TYPE", "").partition(";")[0].strip() != "application/json":
        raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json")
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > MAX_BODY_BYTES:
        raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes")
    try:
        return json.loads(environ["wsgi.input"].read(length))
    except ValueError as error:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from None


def _seconds(content: object) -> float:
    seconds = content.get("seconds") if isinstance(content, dict) and len(content) == 1 else None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, f'{content!r} is not allowed; {{"seconds": 3600}} is')
    return float(seconds)


def _enforced(content: object) -> bool:
    if not isinstance(content, dict) or not isinstance(content.get("enforced"), bool) or len(content) != 1:
        raise _RefusedError(
            HTTPStatus.BAD_REQUEST, f'{content!r} is not allowed; {{"enforced": true}} and false are'
        )
    return bool(content["enforced"])
