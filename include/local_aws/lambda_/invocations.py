"""Invocations: a function's version runs in a sandbox, within the function's concurrency."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction

from include.local_aws.lambda_.runtime_api import Answer
from include.local_aws.lambda_.sandbox import Request
from include.local_aws.lambda_.sandboxes import Sandboxes
from include.local_aws.lambda_.settings import settings_of
from include.local_aws.metrics import record
from include.local_aws.runtime import Runtime
from include.local_aws.timers import Timers


class TooManyRequestsError(LambdaClientError):  # type: ignore[misc]
    """A function's reserved concurrency is used up."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")
        self.description = json.dumps(
            {
                "__type": "TooManyRequestsException",
                "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
                "Type": "User",
                "message": "Rate Exceeded.",
            }
        )


@dataclass(frozen=True)
class Target:
    """
    What is invoked.

    :param function: the version that runs.
    :param latest: the function that it is a version of.
    :param qualifier: how it was asked for; empty if by the function's name alone.
    """

    function: LambdaFunction
    latest: LambdaFunction
    qualifier: str

    @property
    def arn(self) -> str:
        """The invoked function's ARN, as the handler sees it."""
        return f"{self.latest.function_arn}:{self.qualifier}" if self.qualifier else self.latest.function_arn


@dataclass(frozen=True)
class Result:
    """
    What came of an invocation.

    :param log_tail: the last of its log.
    """

    answer: Answer
    log_tail: bytes


class Invocations:
    """
    Those of all functions.

    :param timers: lets sandboxes go that nobody needs.
    """

    def __init__(self, runtime: Runtime, timers: Timers) -> None:
        self._runtime = runtime
        self._sandboxes = Sandboxes(runtime, runtime.functions.parallelism, timers)
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def call(self, target: Target, request: Request) -> Result:
        """
        Invoke when it is its turn, and wait for the answer.

        :raises TooManyRequestsError: when the function's concurrency is used up.
        :raises Exception: what kept the function from being run at all.
        """
        result: Future[Result] = Future()

        def work() -> None:
            try:
                result.set_result(self._run(target, request))
            except Exception as error:  # noqa: BLE001 - it is raised where the result is waited for
                result.set_exception(error)

        with self._counted(target):
            self.submit(target, request, work)
            return result.result()

    def run(self, target: Target, request: Request) -> Answer:
        """
        Invoke, in a turn that was waited for.

        :raises TooManyRequestsError: when the function's concurrency is used up.
        """
        with self._counted(target):
            return self._run(target, request).answer

    def submit(self, target: Target, request: Request, call: Callable[[], None]) -> None:
        """Have a call made when it is this invocation's turn."""
        name = f"{target.function.function_name}/{request.request_id}"
        self._runtime.functions.submit(name, lambda _: call())

    def close(self) -> None:
        """End every sandbox."""
        self._sandboxes.close()

    @contextmanager
    def _counted(self, target: Target) -> Iterator[None]:
        name, most = target.latest.function_arn, target.latest.reserved_concurrency
        with self._lock:
            if most is not None and self._running[name] >= int(most):
                raise TooManyRequestsError
            self._running[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[name] -= 1

    def _run(self, target: Target, request: Request) -> Result:
        sandbox = self._sandboxes.take(settings_of(self._runtime, target.function))
        try:
            with sandbox.log(self._runtime, request) as written:
                began = time.monotonic()
                answer = sandbox.invoke(request, written)
                _count(target.latest, answer, time.monotonic() - began)
                return Result(answer, written.tail)
        finally:
            self._sandboxes.give_back(sandbox)


def _count(function: LambdaFunction, answer: Answer, seconds: float) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"""
    of, region = {"FunctionName": function.function_name}, function.region
    counts = {"Invocations": 1.0, "Errors": float(bool(answer.error))}
    record("AWS/Lambda", counts, of, region=region)
    record("AWS/Lambda", {"Duration": seconds * 1000}, of, unit="Milliseconds", region=region)
