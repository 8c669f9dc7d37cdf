"""Waits for an execution in the triggerer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from airflow.sdk import conf
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from retraining import airflow_internals
from retraining.arns import state_machine_of
from retraining.stored_text import storable
from retraining.triggers.connection import PollerKey
from retraining.triggers.pollers import Pollers
from retraining.triggers.stopping import stop_if_killed
from retraining.triggers.succession import Succession
from retraining.triggers.wait import Wait

# Less than Airflow grants, so that what comes of it is still said in the task's log.
SPARE_SECONDS = 5
SIGNING_SECONDS = 10.0


class ExecutionTrigger(BaseTrigger):
    """Fires once, when the execution has ended.

    A success, or a failure whose error is expected, ends the task from here, without a worker; any other end
    resumes it on a worker with ``{"execution_arn", "status", "error", "cause", "redrive_count", "redriven",
    "ended_before"}``.

    :param execution_arn: the execution to wait for.
    :param aws_conn_id: Airflow connection to AWS.
    :param region_name: AWS region, when it is not the connection's.
    :param expected_errors: errors of a failed execution that are results, not breakdowns.
    :param poll_seconds: fixed seconds between polls; None adapts to how long the wait takes.
    :param follow: write states to the task's log as they are entered and left, about once a minute.
    :param redriven: whether this try of the task has redriven the execution already.
    :param redrive_count: how often the execution has been redriven; an end with a lower count is an old one.
    :param verify: whether to verify TLS certificates, or the file of those to trust.
    :param botocore_config: arguments of botocore's Config.
    """

    def __init__(
        self,
        execution_arn: str,
        aws_conn_id: str | None,
        region_name: str | None = None,
        expected_errors: list[str] | None = None,
        poll_seconds: float | None = None,
        follow: bool = True,
        redriven: bool = False,
        redrive_count: int = 0,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.execution_arn = execution_arn
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.expected_errors = expected_errors or []
        self.poll_seconds = poll_seconds
        self.follow = follow
        self.redriven = redriven
        self.redrive_count = redrive_count
        self.verify = verify
        self.botocore_config = botocore_config
        self._wait: Wait | None = None
        self._succession: Succession | None = None
        self._stop: asyncio.Task[None] | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give class path and arguments."""
        names = (
            "execution_arn",
            "aws_conn_id",
            "region_name",
            "expected_errors",
            "poll_seconds",
            "follow",
            "redriven",
            "redrive_count",
            "verify",
            "botocore_config",
        )
        arguments = {name: getattr(self, name) for name in names}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    @property
    def _key(self) -> PollerKey:
        config = json.dumps(self.botocore_config, sort_keys=True) if self.botocore_config else None
        machine = state_machine_of(self.execution_arn)
        return PollerKey(machine, self.aws_conn_id, self.region_name, self.verify, config)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait with everybody who waits for the same state machine."""
        self._wait = wait = Wait(self.execution_arn, self.poll_seconds, self.follow, self.redrive_count)
        poller = Pollers.here().join(self._key, wait)
        signing = asyncio.create_task(self._sign())
        try:
            while not wait.is_over:
                await wait.changed.wait()
                wait.changed.clear()
                self._say(wait)
            if wait.ended is None or not self.is_result(wait.ended):
                # A worker goes on from here. Copies of this trigger elsewhere must not take that for a kill.
                signing.cancel()
                with suppress(TimeoutError):
                    async with asyncio.timeout(SIGNING_SECONDS):
                        await self._sign()
        finally:
            signing.cancel()
            poller.leave(wait)
        yield self._event(wait)

    async def _sign(self) -> None:
        # Outside a triggerer, as in dag.test(), nobody else can take the wait over.
        waiting = airflow_internals.task_of(self)
        if waiting is None:
            return
        self._succession = self._succession or Succession(*waiting, self.execution_arn)
        while True:
            try:
                await self._succession.sign()
                return
            except Exception as error:  # noqa: BLE001 - the wait is worth more
                self.log.warning(
                    "Until Airflow answers, killing this wait does not stop the execution: %s", error
                )
            await asyncio.sleep(SIGNING_SECONDS)

    def _event(self, wait: Wait) -> TriggerEvent:
        if wait.ended is None:
            failure = {"execution_arn": self.execution_arn, "status": "UNKNOWN", "cause": str(wait.error)}
            return TriggerEvent(failure)  # type: ignore[no-untyped-call]
        ended = wait.ended
        self.log.info("%s is %s", self.execution_arn, ended["status"])
        if self.is_result(ended):
            if not airflow_internals.somebody_listens():
                return TaskSuccessEvent()
            self.log.info(
                "Ending on a worker: a plugin listens to tasks, and listeners hear of them there only"
            )
        event: dict[str, Any] = {name: storable(ended.get(name)) for name in ("status", "error", "cause")}
        event |= {"execution_arn": self.execution_arn, "redriven": self.redriven}
        event |= {"ended_before": wait.was_over_at_first_look, "redrive_count": ended.get("redriveCount", 0)}
        return TriggerEvent(event)  # type: ignore[no-untyped-call]

    def is_result(self, execution: Mapping[str, Any]) -> bool:
        """Whether an ended execution did its work, whatever it decided."""
        return execution["status"] == "SUCCEEDED" or execution.get("error") in self.expected_errors

    def _say(self, wait: Wait) -> None:
        for note in wait.notes:
            self.log.warning("%s", note)
        for event in wait.events:
            if details := event.get("stateEnteredEventDetails"):
                self.log.info("%s: entered %r", event["timestamp"], details["name"])
            elif details := event.get("stateExitedEventDetails"):
                self.log.info("%s: left %r", event["timestamp"], details["name"])
        wait.notes.clear()
        wait.events.clear()

    async def on_kill(self) -> None:
        """Stop the execution when a person marks the task failed, clears it or deletes its run."""
        if self._wait and self._wait.ended:
            self.log.info("%s has ended; there is nothing to stop", self.execution_arn)
            return
        waiting = airflow_internals.task_of(self)
        seconds = max(conf.getint("triggerer", "on_kill_timeout", fallback=30) - SPARE_SECONDS, 1)
        self._stop = asyncio.create_task(
            stop_if_killed(
                self._succession,
                self._key,
                self.execution_arn,
                ti=waiting[0] if waiting else None,
                redrive_count=self._wait.first_redrive_count if self._wait else None,
                seconds=seconds,
                log=self.log,
            )
        )
        await self._outlive(self._stop)

    async def cleanup(self) -> None:
        """Stay until the execution is stopped: with the trigger goes its log."""
        if self._stop:
            await self._outlive(self._stop)

    @staticmethod
    async def _outlive(stop: asyncio.Task[None]) -> None:
        """Airflow 3.3 cancels a trigger again every second until it is gone, and with it what it awaits."""
        while not stop.done():
            try:
                await asyncio.shield(stop)
            except asyncio.CancelledError:
                continue
