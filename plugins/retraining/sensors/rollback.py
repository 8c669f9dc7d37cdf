"""Reports what came of a rollback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.amazon.aws.links.step_function import StateMachineExecutionsDetailsLink
from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import PokeReturnValue

from retraining.execution.execution_input import ExecutionInput
from retraining.execution.report import GateReport
from retraining.hooks.gate_report import read_report
from retraining.hooks.state_machine import StateMachineHook
from retraining.model.folders import load_spec
from retraining.model.spec import ModelSpec
from retraining.outcome import Outcome
from retraining.sensors.arn_template import tasks_read_by
from retraining.sensors.conclusion import checked, conclude, failure_of

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg
    from airflow.sdk.bases.notifier import BaseNotifier


class RollbackReportSensor(AwsBaseSensor[StateMachineHook]):
    """Read a rollback's outcome and return the report, with ``replaced_model`` in it.

    A rollback that failed fails the task; the endpoint then serves what it served before.

    :param execution_arn: the execution to report on.
    :param model_folder: folder of the model.
    :param notifiers: as :class:`~retraining.sensors.gate.AccuracyGateSensor`'s.
    """

    aws_hook_class = StateMachineHook
    template_fields: Sequence[str] = aws_template_fields("execution_arn", "model_folder")
    operator_extra_links = (StateMachineExecutionsDetailsLink(),)
    ui_color = "#d9ead3"

    def __init__(
        self,
        *,
        execution_arn: str | XComArg,
        model_folder: Path | str,
        notifiers: Mapping[Outcome, Sequence[BaseNotifier]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.execution_arn = cast("str", execution_arn)
        self._starters = tasks_read_by(execution_arn)
        self.model_folder = str(model_folder)
        self.notifiers = checked(notifiers)

    @cached_property
    def _spec(self) -> ModelSpec:
        return load_spec(Path(self.model_folder))

    def poke(self, context: Context) -> PokeReturnValue:
        """Report once the execution has ended."""
        report = read_report(self.hook, self.execution_arn, self._spec, context, self._starters)
        return PokeReturnValue(report is not None, report)

    def execute(self, context: Context) -> dict[str, Any]:
        """Give the report and say from which model to which the endpoint went.

        :raises AirflowFailException: the execution failed, timed out or was stopped.
        """
        report: GateReport = super().execute(context)
        given = ExecutionInput.of(self.hook.describe_execution(report.execution_arn))
        result = conclude(
            self,
            context,
            report,
            failure_of(report),
            given=self.notifiers.get(report.outcome, ()),
            configured=self._spec.notify,
            replaced_model=given.replaced_model,
        )
        self.log.info(
            "%s serves %s now, and served %s before",
            report.endpoint,
            report.model_name,
            result["replaced_model"] or "nothing",
        )
        if report.held_by:
            self.log.info(
                "It is held to it by %s: retrains do not deploy until it is released", report.held_by
            )
        return result
