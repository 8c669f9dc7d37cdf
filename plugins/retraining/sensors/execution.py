"""Waits until an execution has ended, without a worker."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, cast

from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowException, AirflowSensorTimeout
from airflow.triggers.base import StartTriggerArgs

from retraining import arns
from retraining.execution import execution_name
from retraining.gate import explain_cause
from retraining.hooks.aws_errors import clear_aws_errors
from retraining.hooks.state_machine import StateMachineHook
from retraining.triggers.execution import ExecutionTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg


Restart = Callable[[dict[str, Any], str], dict[str, Any]]


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
    :param restarts: for errors of Fail states, which an execution only fails with again when it is redriven:
        what makes the input of another execution, of the failed one's input and the new one's name.
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
        restarts: Mapping[str, Restart] | None = None,
        poll_seconds: float | None = None,
        follow: bool = True,
        stop_on_timeout: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._asked_for = execution_arn
        self.execution_arn = cast("str", execution_arn)
        self.expected_errors = list(expected_errors)
        self.restarts = dict(restarts or {})
        self.poll_seconds = poll_seconds
        self.follow = follow
        self.stop_on_timeout = stop_on_timeout
        self.start_from_trigger = True
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=f"{ExecutionTrigger.__module__}.{ExecutionTrigger.__qualname__}",
            trigger_kwargs=self._trigger_arguments(f"{{{{ {_expression(execution_arn)} }}}}"),
            next_method="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def _trigger_arguments(self, execution_arn: str, *, redriven: bool = False) -> dict[str, Any]:
        return {
            "execution_arn": execution_arn,
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "expected_errors": self.expected_errors,
            "poll_seconds": self.poll_seconds,
            "follow": self.follow,
            "redriven": redriven,
        }

    @property
    def awaited_execution(self) -> str:
        """Template of the ARN of the execution that was waited for in the end.

        Not the task's return value: what a triggerer puts there, Airflow 3.3 encodes twice.
        """
        asked_for = _expression(self._asked_for)
        return f"{{{{ ti.xcom_pull(task_ids='{self.task_id}', key={_RESTARTED}) or {asked_for} }}}}"

    def execute(self, context: Context) -> Any:  # noqa: ARG002
        """Defer from a worker; for runs outside the scheduler, such as ``dag.test()``."""
        self._defer(self.execution_arn)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> None:
        """Judge the trigger's event.

        :raises ExecutionFailedError: with Step Functions' error and the reason.
        """
        arn = event["execution_arn"]
        if event["status"] == "SUCCEEDED" or event.get("error") in self.expected_errors:
            return
        if event.get("ended_before") and not event["redriven"] and self._is_asked_again(context, arn):
            self._take_up(context, arn)
        reason = ": ".join(filter(None, (event.get("error"), explain_cause(event.get("cause")))))
        raise ExecutionFailedError(f"{arn} is {event['status']}{': ' + reason if reason else ''}")

    def _is_asked_again(self, context: Context, arn: str) -> bool:
        """Whether this try is a retry, or a person cleared this task but not the one that started."""
        ti, run = context["ti"], context["dag_run"]
        tries_since_clear = ti.try_number - (ti.max_tries - (self.retries or 0))
        cleared = run.clear_number or 0
        started_since = arns.name_of(arn) == execution_name(run.dag_id, run.run_id, cleared + 1)
        return bool(tries_since_clear > 1 or (cleared and not started_since))

    def _take_up(self, context: Context, arn: str) -> NoReturn:
        with clear_aws_errors(self.aws_conn_id):
            execution = self.hook.describe_execution(arn)
            restart = self.restarts.get(execution.get("error", ""))
            if restart or not self.hook.redrive(execution):
                name = self._name_of_restart(context)
                given = restart(json.loads(execution["input"]), name) if restart else None
                arn = self.hook.start_again(execution, name, given)
                key = f"restarted_{context['dag_run'].clear_number}"
                context["ti"].xcom_push(key=key, value=arn)
        self._defer(arn, redriven=True)

    @staticmethod
    def _name_of_restart(context: Context) -> str:
        ti, run = context["ti"], context["dag_run"]
        return execution_name(run.dag_id, f"{run.run_id} try {ti.try_number}", (run.clear_number or 0) + 1)

    def _defer(self, arn: str, *, redriven: bool = False) -> NoReturn:
        self.defer(
            trigger=ExecutionTrigger(**self._trigger_arguments(arn, redriven=redriven)),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

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
            arns.state_machine_of(self.execution_arn), self._name_of_restart(context)
        )
        for arn in (self.execution_arn, restarted):
            self.hook.stop(arn, f"Airflow: out of time in DAG run {run.dag_id} / {run.run_id}")


# Of this clearing of the run: XComs of a task that starts in the triggerer outlive its being cleared.
_RESTARTED = "'restarted_' ~ dag_run.clear_number"


def _expression(execution_arn: str | XComArg) -> str:
    """A Jinja expression of an ARN; in a triggerer XComs are found by an explicit map index only."""
    if isinstance(execution_arn, str):
        return (
            execution_arn.strip().removeprefix("{{").removesuffix("}}")
            if "{{" in execution_arn
            else repr(execution_arn)
        )
    task_id = next(iter(execution_arn.iter_references()))[0].task_id
    return f"ti.xcom_pull(task_ids='{task_id}', map_indexes=-1)"
