"""Waits until an execution has ended, without a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn, cast

from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowException, AirflowSensorTimeout

from retraining import arns
from retraining.airflow_internals import start_in_triggerer, starts_in_triggerer
from retraining.execution.causes import kill_cause
from retraining.execution.name import restart_name
from retraining.hooks.aws_errors import clear_aws_errors
from retraining.hooks.state_machine import StateMachineHook
from retraining.sensors import taking_up
from retraining.sensors.arn_template import awaited_template, template_of
from retraining.triggers.execution import ExecutionTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg


class ExecutionFailedError(AirflowException):
    """The execution failed, timed out or was stopped; a retry of the task takes it up where it failed."""


class ExecutionSensor(AwsBaseSensor[StateMachineHook]):
    """Wait for an execution to end.

    Tasks that read it afterwards take its ARN from :attr:`awaited_execution`.

    The wait starts in the triggerer and, on success, ends there: no worker is involved. A failed execution
    resumes the task on a worker and fails it. A retry of the task, or clearing it, redrives the execution
    from the state that failed, or where AWS does not allow that, starts it again under a new name.

    :param execution_arn: the execution to wait for.
    :param expected_errors: errors of a failed execution that are results, not breakdowns.
    :param poll_seconds: fixed seconds between polls; None adapts to how long the wait takes.
    :param follow: write states to the task's log as they are entered and left, about once a minute.
    :param stop_on_timeout: stop the execution when ``timeout`` or ``execution_timeout`` (seconds, timedelta)
        is over.
    """

    aws_hook_class = StateMachineHook
    template_fields: Sequence[str] = aws_template_fields("execution_arn")
    ui_color = "#fff2cc"

    def __init__(
        self,
        *,
        execution_arn: str | XComArg,
        expected_errors: Sequence[str] = (),
        poll_seconds: float | None = None,
        follow: bool = True,
        stop_on_timeout: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._asked_for = execution_arn
        self.execution_arn = cast("str", execution_arn)
        self.expected_errors = list(expected_errors)
        self.poll_seconds = poll_seconds
        self.follow = follow
        self.stop_on_timeout = stop_on_timeout
        self._in_hand: tuple[str, str] | None = None
        template = template_of(execution_arn, self)
        start_in_triggerer(
            self,
            ExecutionTrigger,
            self._trigger_arguments(template),
            resume_in="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def _trigger_arguments(
        self, execution_arn: str, *, redriven: bool = False, redrive_count: int = 0
    ) -> dict[str, Any]:
        return {
            "execution_arn": execution_arn,
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "expected_errors": self.expected_errors,
            "poll_seconds": self.poll_seconds,
            "follow": self.follow,
            "redriven": redriven,
            "redrive_count": redrive_count,
            "verify": self.verify,
            "botocore_config": self.botocore_config,
        }

    @property
    def awaited_execution(self) -> str:
        """Template of the ARN of the execution that was waited for in the end.

        Not the task's return value: what a triggerer puts there, Airflow 3.3 encodes twice.
        """
        return awaited_template(self._asked_for, self)

    def execute(self, context: Context) -> Any:
        """Defer from a worker: where the task is mapped, and outside the scheduler, as in ``dag.test()``."""
        self._defer(context, self.execution_arn)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> None:
        """Judge the trigger's event.

        :raises ExecutionFailedError: with Step Functions' error and the reason.
        """
        arn = event["execution_arn"]
        if event["status"] == "SUCCEEDED" or event.get("error") in self.expected_errors:
            return
        is_expanded = (
            context["ti"].map_index not in (-1, None) and self.get_closest_mapped_task_group() is None
        )
        keeps_xcoms = starts_in_triggerer(self) and not is_expanded
        if taking_up.is_asked_for(event, context, retries=self.retries or 0, keeps_xcoms=keeps_xcoms):
            run = context["dag_run"]
            self._in_hand = arn, kill_cause(run.dag_id, run.run_id, self.task_id)
            with clear_aws_errors(self.aws_conn_id):
                arn, count = taking_up.take_up(self.hook, event, context)
            self._defer(context, arn, redriven=True, redrive_count=count)
        reason = ": ".join(filter(None, (event.get("error"), self.hook.explain(event.get("cause")))))
        raise ExecutionFailedError(f"{arn} is {event['status']}{': ' + reason if reason else ''}")

    def on_kill(self) -> None:
        """Stop what this task may have taken up just before it was killed, on a worker."""
        if self._in_hand:
            self.hook.stop(*self._in_hand)

    def _defer(
        self, context: Context, arn: str, *, redriven: bool = False, redrive_count: int = 0
    ) -> NoReturn:
        arguments = self._trigger_arguments(arn, redriven=redriven, redrive_count=redrive_count)
        self.defer(
            trigger=ExecutionTrigger(**arguments),
            method_name="execute_complete",
            timeout=self._time_left(context),
        )

    def _time_left(self, context: Context) -> timedelta:
        """Airflow itself minds execution_timeout only where a task starts in the triggerer."""
        timeout = timedelta(seconds=self.timeout)
        if not self.execution_timeout:
            return timeout
        spent = datetime.now(UTC) - (context["ti"].start_date or datetime.now(UTC))
        return min(timeout, max(self.execution_timeout - spent, timedelta(0)))

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume on a worker; a wait that ran out of time says so, and stops the execution if asked to."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except AirflowSensorTimeout:
            if self.stop_on_timeout:
                self._stop(context)
            raise AirflowSensorTimeout(
                f"{self.execution_arn} took longer than this task may wait;"
                f" {'it was stopped' if self.stop_on_timeout else 'it goes on'}"
            ) from None

    def _stop(self, context: Context) -> None:
        run = context["dag_run"]
        restarted = arns.execution_arn(
            arns.state_machine_of(self.execution_arn),
            restart_name(arns.name_of(self.execution_arn), context["ti"].try_number),
        )
        for arn in (self.execution_arn, restarted):
            self.hook.stop(arn, f"Airflow: out of time in DAG run {run.dag_id} / {run.run_id}")
