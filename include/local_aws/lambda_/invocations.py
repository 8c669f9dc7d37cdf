"""Invocations: at once, or from the queue of those that nobody waits for, within a function's concurrency."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction

from include.local_aws.lambda_ import destinations
from include.local_aws.lambda_.destinations import Ending
from include.local_aws.lambda_.event_invoke_configs import LONGEST_AGE, MOST_RETRIES, config_of
from include.local_aws.lambda_.runtime_api import Answer
from include.local_aws.lambda_.sandbox import Request
from include.local_aws.lambda_.sandboxes import Sandboxes
from include.local_aws.lambda_.settings import settings_of
from include.local_aws.runtime import Runtime
from include.local_aws.timers import Timers

log = logging.getLogger(__name__)

# How long a queued event waits when the function is throttled; AWS backs off from 1 second to 5 minutes.
THROTTLED_SECONDS = 1.0


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
    log_tail: bytes = b""


class Invocations:
    """Those of all functions."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._timers = Timers()
        self._sandboxes = Sandboxes(runtime, runtime.functions.parallelism, self._timers)
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def call(self, target: Target, request: Request) -> Result:
        """
        Invoke, and wait for the answer.

        :raises TooManyRequestsError: when the function's concurrency is used up.
        :raises Exception: what kept the function from being run at all.
        """
        with self._counted(target):
            result: Future[Result] = Future()

            def work() -> None:
                try:
                    result.set_result(self._run(target, request))
                except Exception as error:  # noqa: BLE001 - it is raised where the result is waited for
                    result.set_exception(error)

            self._submit(target, request, work)
            return result.result()

    def queue(self, target: Target, request: Request) -> None:
        """Invoke soon, and again if that fails, as AWS does with what nobody waits for."""
        queued = time.monotonic()
        self._submit(target, request, lambda: self._attempt(target, request, queued, 1))

    def close(self) -> None:
        """End every sandbox."""
        self._sandboxes.close()

    def _submit(self, target: Target, request: Request, call: Callable[[], None]) -> None:
        name = f"{target.function.function_name}/{request.request_id}"
        self._runtime.functions.submit(name, lambda _: call())

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
                return Result(sandbox.invoke(request, written), written.tail)
        finally:
            self._sandboxes.give_back(sandbox)

    def _attempt(self, target: Target, request: Request, queued: float, number: int) -> None:
        config = config_of(target.latest, target.qualifier or "$LATEST")
        last = number > config.get("MaximumRetryAttempts", MOST_RETRIES)
        oldest = config.get("MaximumEventAgeInSeconds", LONGEST_AGE)

        def again(seconds: float, attempt: int) -> None:
            def due() -> None:
                self._submit(target, request, lambda: self._attempt(target, request, queued, attempt))

            self._timers.after(seconds, due)

        def end(condition: str, attempts: int, answer: Answer | None) -> None:
            self._tell(target, request, config, condition, attempts, answer)

        if target.latest.reserved_concurrency == 0:
            end("ZeroReservedConcurrency", number - 1, None)
            return
        try:
            with self._counted(target):
                answer = self._run(target, request).answer
        except TooManyRequestsError:
            if time.monotonic() - queued + THROTTLED_SECONDS > oldest:
                end("EventAgeExceeded", number - 1, None)
            else:
                again(THROTTLED_SECONDS, number)
            return
        # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html: after one minute,
        # and then after two.
        pause = 60.0 * number
        if not answer.error:
            end("Success", number, answer)
        elif last:
            end("RetriesExhausted", number, answer)
        elif time.monotonic() - queued + pause > oldest:
            end("EventAgeExceeded", number, answer)
        else:
            again(pause, number + 1)

    def _tell(
        self,
        target: Target,
        request: Request,
        config: dict[str, Any],
        condition: str,
        attempts: int,
        answer: Answer | None,
    ) -> None:
        function = target.function
        ending = Ending(
            request.request_id,
            f"{target.latest.function_arn}:{target.qualifier or '$LATEST'}",
            str(function.version),
            function.role,
            function.region,
            request.payload,
            condition,
            attempts,
            answer,
        )
        outcome = "OnSuccess" if condition == "Success" else "OnFailure"
        if arn := config.get("DestinationConfig", {}).get(outcome, {}).get("Destination"):
            destinations.tell(self._runtime, arn, ending)
        if condition != "Success" and (dead_letters := (function.dead_letter_config or {}).get("TargetArn")):
            destinations.tell_dead_letter(self._runtime, dead_letters, ending)
