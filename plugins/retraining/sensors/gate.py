"""Reports what the accuracy gate decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from airflow.providers.amazon.aws.links.step_function import StateMachineExecutionsDetailsLink
from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from retraining.execution.report import GateReport
from retraining.hooks.gate_report import read_report
from retraining.hooks.state_machine import StateMachineHook
from retraining.model.folders import load_spec
from retraining.model.gate_spec import OnRejected
from retraining.model.spec import ModelSpec
from retraining.outcome import Outcome
from retraining.sensors.arn_template import tasks_read_by
from retraining.sensors.conclusion import checked, conclude, failure_of

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg
    from airflow.sdk.bases.notifier import BaseNotifier


class AccuracyGateSensor(AwsBaseSensor[StateMachineHook]):
    """Read an execution's outcome and return the gate report.

    A rejected model skips this task and leaves the run green: the gate did its work. An execution that
    failed, timed out or was stopped fails it. The report is in XCom and at the end of the log in every case.

    :param execution_arn: the execution to report on.
    :param model_folder: folder of the model, which names the gate's metric.
    :param on_rejected: ``skip``, ``fail`` or ``succeed`` when the model is rejected (default: the model's
        ``gate.on_rejected``).
    :param max_consecutive_rejections: so many rejections in a row fail this task (default: the model's).
    :param notifiers: Airflow notifiers by outcome, beside those of the model's ``notify``. Their templates
        see the report as ``gate_report``. One that fails changes no outcome.
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
        on_rejected: OnRejected | None = None,
        max_consecutive_rejections: int | None = None,
        notifiers: Mapping[Outcome, Sequence[BaseNotifier]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.execution_arn = cast("str", execution_arn)
        self._starters = tasks_read_by(execution_arn)
        self.model_folder = str(model_folder)
        self.on_rejected = on_rejected
        self.max_consecutive_rejections = max_consecutive_rejections
        self.notifiers = checked(notifiers)
        if on_rejected not in (None, *get_args(OnRejected)):
            raise ValueError(f"on_rejected: {on_rejected!r} must be one of {', '.join(get_args(OnRejected))}")

    @cached_property
    def _spec(self) -> ModelSpec:
        return load_spec(Path(self.model_folder))

    def poke(self, context: Context) -> PokeReturnValue:
        """Report once the execution has ended."""
        report = read_report(self.hook, self.execution_arn, self._spec, context, self._starters)
        return PokeReturnValue(report is not None, report)

    def execute(self, context: Context) -> dict[str, Any]:
        """Give the report and the verdict.

        :raises AirflowSkipException: the model was rejected.
        :raises AirflowFailException: the execution failed, timed out or was stopped, or too many models in a
            row were rejected.
        """
        report: GateReport = super().execute(context)
        return conclude(
            self,
            context,
            report,
            self._rejection(report) if report.outcome == "rejected" else failure_of(report),
            given=self.notifiers.get(report.outcome, ()),
            configured=self._spec.notify,
        )

    def _rejection(self, report: GateReport) -> Exception | None:
        gate = self._spec.gate
        limit = self.max_consecutive_rejections or gate.max_consecutive_rejections
        why = f"{report.metric} is {report.value}, threshold {report.threshold}"
        if report.beat_champion_by is not None and report.champion is not None:
            why += f", champion {report.champion} to be beaten by more than {report.beat_champion_by}"
        if limit and report.consecutive_rejections >= limit:
            return AirflowFailException(
                f"Rejected {report.consecutive_rejections} times in a row"
                f" (max_consecutive_rejections is {limit}): {why}"
            )
        match self.on_rejected or gate.on_rejected:
            case "skip":
                return AirflowSkipException(f"Rejected: {why}")
            case "fail":
                return AirflowFailException(f"Rejected: {why}")
        return None
