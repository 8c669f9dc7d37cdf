"""Stands before the services: counts requests, enforces quotas, and lets faults befall them."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from typing import Any

from include.local_aws.faults import lag
from include.local_aws.faults.faults import Faults
from include.local_aws.faults.kinds import DelayCall, DelayReply, DropReply, FailCall, FailReply
from include.local_aws.gateway import control_api, unsupported
from include.local_aws.gateway.control_api import Controls
from include.local_aws.gateway.errors import refuse
from include.local_aws.gateway.quotas import Quotas
from include.local_aws.gateway.request_parameters import parameters_of
from include.local_aws.gateway.requests import Requests
from include.local_aws.iam.authorization import Authorization, key_of
from include.local_aws.operations import Operation, operation_of
from include.local_aws.runtime import OBSERVER_KEY
from include.local_aws.s3 import bucket_owner
from include.local_aws.validation import validation

THROTTLED = FailCall("*", "ThrottlingException", 400, "Rate exceeded")


class Gateway:
    """
    A WSGI application around the one that answers.

    :param application: moto's.
    """

    def __init__(self, application: Any, faults: Faults, authorization: Authorization) -> None:
        self._application = application
        self.authorization = authorization
        self.faults = faults
        self.quotas = Quotas()
        self.requests = Requests()
        self._controls = Controls(faults, authorization, self.quotas, self.requests)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith(control_api.ROOT):
            return control_api.answer(self._controls, environ, start_response)
        operation = operation_of(environ, self._application._get_body(environ))
        name = str(operation)
        self.requests.count(name)
        said = partial(_said, environ)
        try:
            refusal = self._judged(environ, operation) or self._refusal(operation, said)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told of
            return unsupported.broken(operation, error, start_response)
        if refusal:
            return refuse(operation, refusal, start_response)
        if delay := self.faults.take(DelayCall, said=said, operation=name):
            time.sleep(delay.seconds)
        unsaid = self.faults.take(FailReply, operation=name)
        with lag.behind(0 if key_of(environ) == OBSERVER_KEY else self.faults.lag_seconds(name)):
            respond = _say_nothing if unsaid else start_response
            answer = unsupported.answer(self._application, operation, environ, respond)
        if late := self.faults.take(DelayReply, operation=name):
            time.sleep(late.seconds)
        if self.faults.take(DropReply, operation=name):
            # The server would wait for the connection's next request; so it takes the client for gone.
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError(f"the reply of {name} was dropped, as asked for")
        if unsaid:
            internal = FailCall(name, unsaid.code, 500, "The request processing has failed.")
            return refuse(operation, internal, start_response)
        return answer

    def _judged(self, environ: dict[str, Any], operation: Operation) -> FailCall | None:
        """Why a request is refused for what it says or who sent it, if it is."""
        found = parameters_of(environ, operation)
        wrong = validation.refusal(operation, *found) if found else None
        return (
            wrong
            or self.authorization.refusal(environ, operation, found[1] if found else None)
            or bucket_owner.refusal(environ, operation)
        )

    def _refusal(self, operation: Operation, said: Callable[[], str]) -> FailCall | None:
        name = str(operation)
        if not self.quotas.allows(name, operation.region) or self.faults.throttles(name):
            self.requests.count_throttled(name)
            return THROTTLED
        return self.faults.take(FailCall, said=said, operation=name)


def _say_nothing(*_: object) -> None:
    """What the application answers is not passed on."""


def _said(environ: dict[str, Any]) -> str:
    """Path and body of a request, the body left to be read again."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    return f"{environ['PATH_INFO']}\n{body.decode(errors='replace')}"
