"""Waits until an execution has ended, whatever came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import PokeReturnValue

from retraining.hooks.aws_errors import clear_aws_errors
from retraining.hooks.state_machine import StateMachineHook
from retraining.triggers.execution import ExecutionTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg


class ExecutionSensor(AwsBaseSensor[StateMachineHook]):
    """Wait for an execution to end; returns its status.

    A failed execution does not fail this task: the gate says what came of it.

    :param execution_arn: the execution to wait for.
    :param deferrable: wait in the triggerer, without a worker slot.
    """

    aws_hook_class = StateMachineHook
    template_fields: Sequence[str] = aws_template_fields("execution_arn")
    ui_color = "#fff2cc"

    def __init__(self, *, execution_arn: str | XComArg, deferrable: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.execution_arn = cast("str", execution_arn)
        self.deferrable = deferrable

    def execute(self, context: Context) -> str:
        """Defer to the triggerer, or poll here."""
        if self.deferrable:
            self.defer(
                trigger=ExecutionTrigger(self.execution_arn, self.aws_conn_id, self.region_name),
                method_name="execute_complete",
                timeout=timedelta(seconds=self.timeout),
            )
        return str(super().execute(context))

    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002
        """Look once."""
        with clear_aws_errors(self.aws_conn_id):
            status = self.hook.describe_execution(self.execution_arn)["status"]
        return PokeReturnValue(status != "RUNNING", status)

    def execute_complete(self, context: Context, event: dict[str, str]) -> str:  # noqa: ARG002
        """Take the trigger's event."""
        self.log.info("%s is %s", event["execution_arn"], event["status"])
        return event["status"]

    def on_kill(self) -> None:
        """Stop the execution when the task is killed while it polls on a worker."""
        self.hook.stop(self.execution_arn, "The Airflow task that waited for it was killed")
