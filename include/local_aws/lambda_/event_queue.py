"""Invocations that nobody waits for: tried again when they fail, and told of when they are over."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from include.local_aws.lambda_ import destinations
from include.local_aws.lambda_.destinations import Ending
from include.local_aws.lambda_.event_invoke_configs import LONGEST_AGE, MOST_RETRIES, config_of
from include.local_aws.lambda_.invocations import Invocations, Target, TooManyRequestsError
from include.local_aws.lambda_.runtime_api import Answer
from include.local_aws.lambda_.sandbox import Request
from include.local_aws.runtime import Runtime
from include.local_aws.timers import Timers

# How long an event waits when the function is throttled; AWS backs off from 1 second to 5 minutes.
THROTTLED_SECONDS = 1.0
# After the first attempt, and twice as long after the second:
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
RETRY_SECONDS = 60.0


@dataclass(frozen=True)
class _Event:
    target: Target
    request: Request
    queued: float

    @property
    def config(self) -> dict[str, Any]:
        return config_of(self.target.latest, self.target.qualifier or "$LATEST")

    def too_old_in(self, seconds: float) -> bool:
        age = time.monotonic() - self.queued + seconds
        return age > float(self.config.get("MaximumEventAgeInSeconds", LONGEST_AGE))


class EventQueue:
    """The events of all functions."""

    def __init__(self, runtime: Runtime, invocations: Invocations, timers: Timers) -> None:
        self._runtime, self._invocations, self._timers = runtime, invocations, timers

    def put(self, target: Target, request: Request) -> None:
        """Have a function invoked soon."""
        self._take(_Event(target, request, time.monotonic()), 1)

    def _take(self, event: _Event, number: int) -> None:
        self._invocations.submit(event.target, event.request, lambda: self._attempt(event, number))

    def _attempt(self, event: _Event, number: int) -> None:
        if event.target.latest.reserved_concurrency == 0:
            self._end(event, "ZeroReservedConcurrency", number - 1)
            return
        try:
            answer = self._invocations.run(event.target, event.request)
        except TooManyRequestsError:
            if event.too_old_in(THROTTLED_SECONDS):
                self._end(event, "EventAgeExceeded", number - 1)
            else:
                self._timers.after(THROTTLED_SECONDS, lambda: self._take(event, number))
            return
        pause = RETRY_SECONDS * number
        if not answer.error:
            self._end(event, "Success", number, answer)
        elif number > event.config.get("MaximumRetryAttempts", MOST_RETRIES):
            self._end(event, "RetriesExhausted", number, answer)
        elif event.too_old_in(pause):
            self._end(event, "EventAgeExceeded", number, answer)
        else:
            self._timers.after(pause, lambda: self._take(event, number + 1))

    def _end(self, event: _Event, condition: str, attempts: int, answer: Answer | None = None) -> None:
        target, request = event.target, event.request
        function = target.function
        ending = Ending(
            request_id=request.request_id,
            arn=f"{target.latest.function_arn}:{target.qualifier or '$LATEST'}",
            version=str(function.version),
            role=function.role,
            event=request.payload,
            condition=condition,
            attempts=attempts,
            answer=answer,
        )
        outcome = "OnSuccess" if condition == "Success" else "OnFailure"
        if arn := event.config.get("DestinationConfig", {}).get(outcome, {}).get("Destination"):
            destinations.tell(self._runtime, arn, ending)
        if condition != "Success" and (dead_letters := (function.dead_letter_config or {}).get("TargetArn")):
            destinations.tell_dead_letter(self._runtime, dead_letters, ending)
