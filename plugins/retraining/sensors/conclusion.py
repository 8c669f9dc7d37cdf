"""How a task ends that reports on an execution: its link, its messages, its log, and what it raises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from airflow.providers.amazon.aws.links.step_function import StateMachineExecutionsDetailsLink
from airflow.sdk.exceptions import AirflowFailException

from retraining.arns import partition_of, region_of
from retraining.execution.report import GateReport
from retraining.execution.report_table import report_table
from retraining.outcome import JUDGED, Outcome

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.bases.notifier import BaseNotifier

    from retraining.model.gate_spec import Notify


def checked(
    notifiers: Mapping[Outcome, Sequence[BaseNotifier]] | None,
) -> dict[Outcome, Sequence[BaseNotifier]]:
    """Refuse notifiers for outcomes that there are none of.

    :param notifiers: by outcome, as the DAG's author gives them.
    """
    if unknown := set(notifiers or {}) - set(get_args(Outcome)):
        raise ValueError(f"notifiers: {sorted(unknown)} must be among {', '.join(get_args(Outcome))}")
    return dict(notifiers or {})


def failure_of(report: GateReport) -> AirflowFailException | None:
    """The error for an execution that failed, timed out or was stopped; None where a model was judged."""
    if report.outcome in JUDGED:
        return None
    why = ": ".join(filter(None, (report.error, report.cause)))
    state = f" in state {report.failed_state!r}" if report.failed_state else ""
    return AirflowFailException(f"Execution {report.outcome}{state}{': ' + why if why else ''}")


def conclude(
    task: BaseOperator,
    context: Context,
    report: GateReport,
    verdict: Exception | None,
    *,
    given: Sequence[BaseNotifier],
    configured: Iterable[Notify],
    **more: Any,
) -> dict[str, Any]:
    """Tell of the report, and return it or raise the verdict; the report is in XCom in every case.

    :param given: the notifiers that the DAG's author attached for this outcome.
    :param configured: the model's, for any outcome.
    :param more: what the task adds to the report.
    """
    result = {**report.to_dict(), **more}
    if verdict:
        context["ti"].xcom_push(key="return_value", value=result)
    arn = report.execution_arn
    StateMachineExecutionsDetailsLink.persist(
        context, task, region_name=region_of(arn), aws_partition=partition_of(arn), execution_arn=arn
    )
    if given or configured:
        from retraining.notifications import notify_all

        notify_all(report, context, given, configured)
    for line in report_table(report):
        task.log.info("%s", line)
    if verdict:
        raise verdict
    return result
