"""
Calls that nothing here implements, and those that moto breaks down at: AWS's kind of error, naming the call.

moto answers with web pages of status 500 or 404. The status is 501 for both: clients try 500, 502, 503 and
504 again (https://docs.aws.amazon.com/boto3/latest/guide/retries.html), and it would only happen again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from include.local_aws.faults.kinds import FailCall
from include.local_aws.gateway.errors import refuse
from include.local_aws.operations import Operation

log = logging.getLogger(__name__)

STATUS = 501
UNSUPPORTED = "NotImplementedException"
BROKEN = "InternalFailure"


def raising(create_app: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let what an application of moto's meets come out of it; Flask would make a page of it."""

    def create(service: str) -> Any:
        app = create_app(service)
        app.config["PROPAGATE_EXCEPTIONS"] = True
        return app

    return create


def answer(
    application: Callable[..., Iterable[bytes]],
    operation: Operation,
    environ: dict[str, Any],
    start_response: Callable[..., Any],
) -> Iterable[bytes]:
    """
    What the application answers, or an error in its place.

    :param application: moto's.
    """
    begun: list[Any] = []
    try:
        body = application(environ, lambda *said, **_: begun.extend(said))
    except NotImplementedError as error:
        return _unsupported(operation, str(error), start_response)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told of
        return broken(operation, error, start_response)
    status, headers = begun[:2]
    if int(status[:3]) == STATUS:
        return _unsupported(operation, b"".join(body).decode(errors="replace"), start_response)
    if int(status[:3]) >= 400 and dict(headers).get("Content-Type", "").startswith("text/html"):
        page = b"".join(body)
        if page.lstrip().lower().startswith(b"<!doctype html"):
            return _unsupported(operation, "no such address", start_response)
        body = [page]
    start_response(status, headers)
    return body


def broken(operation: Operation, error: Exception, start_response: Callable[..., Any]) -> list[bytes]:
    """Say of an error that is being handled whose fault it is."""
    log.exception("%s:%s", operation.service, operation.name)
    message = (
        f"The embedded AWS broke down at {operation.service}:{operation.name}, which is its own fault: "
        f"{type(error).__name__}: {error}"
    )
    return refuse(operation, FailCall("*", BROKEN, STATUS, message), start_response)


def _unsupported(operation: Operation, reason: str, start_response: Callable[..., Any]) -> list[bytes]:
    message = f"The embedded AWS does not support {operation.service}:{operation.name}"
    log.error("%s: %s", message, reason)
    return refuse(operation, FailCall("*", UNSUPPORTED, STATUS, message), start_response)
