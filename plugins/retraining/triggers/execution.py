"""Waits for an execution in the triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

from airflow.providers.amazon.aws.hooks.step_function import StepFunctionHook
from airflow.sdk.listener import get_listener_manager
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from retraining.arns import state_machine_of
from retraining.hooks.state_machine import kill_cause
from retraining.triggers.poller import ExecutionPoller, PollerKey, Wait


class ExecutionTrigger(BaseTrigger):
    """Fires once, when the execution has ended.

    A success, or a failure whose error is expected, ends the task from here, without a worker; any other end
    resumes it on a worker with ``{"execution_arn", "status", "error", "cause", "redriven", "ended_before"}``.

    :param execution_arn: the execution to wait for.
    :param aws_conn_id: Airflow connection to AWS.
    :param region_name: AWS region, when it is not the connection's.
    :param expected_errors: errors of a failed execution that are results, not breakdowns.
    :param poll_seconds: fixed seconds between polls; None adapts to how long the wait takes.
    :param follow: write states to the task's log as they are entered and left, about once a minute.
    :param redriven: whether this try of the task has redriven the execution already.
    """

    # The event loop holds its tasks weakly.
    _stops: ClassVar[set[asyncio.Task[None]]] = set()

    def __init__(
        self,
        execution_arn: str,
        aws_conn_id: str | None,
        region_name: str | None = None,
        expected_errors: list[str] | None = None,
        poll_seconds: float | None = None,
        follow: bool = True,
        redriven: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.execution_arn = execution_arn
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.expected_errors = expected_errors or []
        self.poll_seconds = poll_seconds
        self.follow = follow
        self.redriven = redriven

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
        )
        arguments = {name: getattr(self, name) for name in names}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait with everybody who waits for the same state machine."""
        key = PollerKey(state_machine_of(self.execution_arn), self.aws_conn_id, self.region_name)
        wait = Wait(self.execution_arn, self.poll_seconds, self.follow)
        poller = ExecutionPoller.join(key, wait)
        try:
            while wait.ended is None and wait.error is None:
                await wait.changed.wait()
                wait.changed.clear()
                self._log_states(wait)
        finally:
            poller.leave(wait)
        yield self._event(wait)

    def _event(self, wait: Wait) -> TriggerEvent:
        if wait.ended is None:
            failure = {"execution_arn": self.execution_arn, "status": "UNKNOWN", "cause": str(wait.error)}
            return TriggerEvent(failure)  # type: ignore[no-untyped-call]
        ended = wait.ended
        self.log.info("%s is %s", self.execution_arn, ended["status"])
        if self.is_result(ended):
            if not get_listener_manager().has_listeners:
                return TaskSuccessEvent()
            self.log.info(
                "Ending on a worker: a plugin listens to tasks, and listeners hear of them there only"
            )
        event = {name: ended.get(name) for name in ("status", "error", "cause")}
        event |= {"execution_arn": self.execution_arn, "redriven": self.redriven}
        event["ended_before"] = wait.was_over_at_first_look
        return TriggerEvent(event)  # type: ignore[no-untyped-call]

    def is_result(self, execution: Mapping[str, Any]) -> bool:
        """Whether an ended execution did its work, whatever it decided."""
        return execution["status"] == "SUCCEEDED" or execution.get("error") in self.expected_errors

    def _log_states(self, wait: Wait) -> None:
        for event in wait.events:
            if details := event.get("stateEnteredEventDetails"):
                self.log.info("%s: entered %r", event["timestamp"], details["name"])
            elif details := event.get("stateExitedEventDetails"):
                self.log.info("%s: left %r", event["timestamp"], details["name"])
        wait.events.clear()

    async def on_kill(self) -> None:
        """Stop the execution when a person marks the task failed, clears it or deletes its run.

        Airflow 3.3 cancels a trigger again every second until it is gone, and with it what it awaits here.
        """
        stop = asyncio.create_task(self._stop())
        self._stops.add(stop)
        stop.add_done_callback(self._stops.discard)
        await asyncio.shield(stop)

    async def _stop(self) -> None:
        task = self.task_instance
        cause = kill_cause(task.dag_id, task.run_id, task.task_id) if task else "Airflow's task was killed"
        hook = StepFunctionHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)
        try:
            async with await hook.get_async_conn() as client:  # type: ignore[no-untyped-call]
                await client.stop_execution(executionArn=self.execution_arn, cause=cause)
        except Exception:
            self.log.exception("Could not stop %s; it goes on", self.execution_arn)
            raise
        self.log.info("Stopped %s", self.execution_arn)
