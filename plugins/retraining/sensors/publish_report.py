"""Lets other DAGs be scheduled on retrains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import PokeReturnValue

from retraining.assets import deployments_alias, endpoint_asset, reports_asset
from retraining.execution.report import GateReport
from retraining.hooks.gate_report import read_report
from retraining.hooks.state_machine import StateMachineHook
from retraining.model.folders import load_spec
from retraining.sensors.arn_template import tasks_read_by

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg


class PublishReportSensor(AwsBaseSensor[StateMachineHook]):
    """Publish the gate report as asset events; returns it.

    Every report updates the model's reports asset, a deployment also the endpoint's; the report is the
    events' extra. It is a task beside the gate because skipped and failed tasks have no asset events.

    :param execution_arn: the execution to report on, once it has ended.
    :param model_folder: folder of the model, not a template: its name is in the asset's.
    """

    aws_hook_class = StateMachineHook
    template_fields: Sequence[str] = aws_template_fields("execution_arn")
    ui_color = "#d9ead3"

    def __init__(self, *, execution_arn: str | XComArg, model_folder: Path | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.execution_arn = cast("str", execution_arn)
        self._starters = tasks_read_by(execution_arn)
        self.model_folder = str(model_folder)
        self.reports = reports_asset(Path(model_folder).name)
        self.deployments = deployments_alias(Path(model_folder).name)
        self.add_outlets([self.reports, self.deployments])

    def poke(self, context: Context) -> PokeReturnValue:
        """Read the report once the execution has ended."""
        spec = load_spec(Path(self.model_folder))
        report = read_report(self.hook, self.execution_arn, spec, context, self._starters)
        return PokeReturnValue(report is not None, report)

    def execute(self, context: Context) -> dict[str, Any]:
        """Emit the events."""
        report: GateReport = super().execute(context)
        extra = report.to_dict()
        events = context["outlet_events"]
        events[self.reports].extra = extra
        if report.outcome == "deployed":
            events[self.deployments].add(endpoint_asset(report.endpoint), extra=extra)
        self.log.info("Published that %s was %s", report.training_job, report.outcome)
        return extra
