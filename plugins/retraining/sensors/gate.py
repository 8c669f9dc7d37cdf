"""Reports what the accuracy gate decided."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from retraining.gate import GateReport, gate_report
from retraining.hooks.aws_errors import clear_aws_errors
from retraining.hooks.state_machine import StateMachineHook
from retraining.spec import load_spec

if TYPE_CHECKING:
    from airflow.sdk import Context, XComArg


class AccuracyGateSensor(AwsBaseSensor[StateMachineHook]):
    """Read an execution's outcome and return the gate report.

    A rejected model skips this task and leaves the run green: the gate did its work. An execution that
    failed, timed out or was stopped fails it. The report is in XCom in every case.

    :param execution_arn: the execution to report on.
    :param model_folder: folder of the model, which names the gate's metric.
    """

    aws_hook_class = StateMachineHook
    template_fields: Sequence[str] = aws_template_fields("execution_arn", "model_folder")
    ui_color = "#d9ead3"

    def __init__(self, *, execution_arn: str | XComArg, model_folder: Path | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.execution_arn = cast("str", execution_arn)
        self.model_folder = str(model_folder)

    def poke(self, context: Context) -> PokeReturnValue:
        """Report once the execution has ended.

        :raises AirflowSkipException: the model was rejected.
        :raises AirflowFailException: the execution failed, timed out or was stopped.
        """
        with clear_aws_errors(self.aws_conn_id):
            execution = self.hook.describe_execution(self.execution_arn)
            if execution["status"] == "RUNNING":
                return PokeReturnValue(False)
            history = self.hook.history(self.execution_arn)
        spec = load_spec(Path(self.model_folder))
        report = gate_report(model=spec.name, metric=spec.gate.metric, execution=execution, history=history)
        for field, value in report.to_dict().items():
            self.log.info("%-22s %s", field, value)
        if report.outcome in ("deployed", "accepted", "stale"):
            return PokeReturnValue(True, report.to_dict())
        context["ti"].xcom_push(key="return_value", value=report.to_dict())
        raise self._verdict(report)

    @staticmethod
    def _verdict(report: GateReport) -> Exception:
        if report.outcome == "rejected":
            return AirflowSkipException(
                f"Rejected: {report.metric} is {report.value}, the threshold {report.threshold}"
            )
        why = f": {report.cause or report.error}" if report.cause or report.error else ""
        return AirflowFailException(f"Execution {report.outcome} in state {report.failed_state!r}{why}")
