"""Reads what a gate report is made of: the execution, its history and what earlier runs left."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from retraining.airflow_internals import states_of
from retraining.execution.execution_input import ExecutionInput
from retraining.execution.history import tells_of
from retraining.execution.report import GateReport, gate_report
from retraining.execution.streak import Judged, rejections_before
from retraining.hooks.aws_errors import clear_aws_errors
from retraining.hooks.state_machine import StateMachineHook
from retraining.model.spec import ModelSpec
from retraining.outcome import JUDGED, PASSED, outcome_of

if TYPE_CHECKING:
    from airflow.sdk import Context

NEVER_BEGAN = ("upstream_failed", "skipped")


def read_report(
    hook: StateMachineHook,
    execution_arn: str,
    spec: ModelSpec,
    context: Context,
    starters: Collection[str] = (),
) -> GateReport | None:
    """Report on an execution, and leave in XCom what later runs count rejections by.

    :param starters: ids of the tasks that the ARN comes from by XCom.
    :return: None while the execution runs, or while one of AWS's reads is behind the other.
    :raises AirflowFailException: when there is no execution.
    """
    # What a template makes of no XCom.
    if execution_arn in ("", "None"):
        raise AirflowFailException("execution_arn: none; no execution was started")
    with clear_aws_errors(hook.aws_conn_id):
        execution = hook.describe(execution_arn)
        if execution["status"] in ("RUNNING", "PENDING_REDRIVE"):
            return None
        history = hook.history(execution_arn)
        if not tells_of(history, execution):
            hook.log.info("AWS does not tell the same of the end of %s everywhere yet", execution_arn)
            return None
        execution["cause"] = hook.explain(execution.get("cause"))
    ti = context["ti"]
    if never_began := _never_began(ti, starters):
        raise AirflowFailException(
            f"execution_arn: {execution_arn} is of an earlier attempt; in this one {never_began} never began,"
            " and no execution was started"
        )
    this = Judged.at(ExecutionInput.of(execution).window_end, execution["stopDate"])
    passed = outcome_of(execution) in PASSED
    report = gate_report(
        model=spec.name,
        metric=spec.gate.metric,
        execution=execution,
        history=history,
        rejections_before=0 if passed else _rejections_before(ti, this),
        reported_by=str(ti.id),
    )
    if report.outcome in JUDGED:
        left = Judged(this.window_end, this.ended, report.consecutive_rejections)
        ti.xcom_push(key=_key(ti, this.month), value=left.to_dict())
    return report


def _never_began(ti: Any, starters: Collection[str]) -> str:
    """Name a task that this attempt did not get to: what it left in XCom, the attempt before did."""
    if not starters:
        return ""
    states = states_of(ti, starters)
    return ", ".join(sorted(task for task, state in states.items() if state in NEVER_BEGAN))


def _rejections_before(ti: Any, this: Judged) -> int:
    """Count by what the same task left in other runs; it is there whether they were red, green or skipped."""
    for month in this.months():
        # Airflow gives all of them in no order, one by itself, and for none nothing.
        left = ti.xcom_pull(task_ids=ti.task_id, key=_key(ti, month), include_prior_dates=True) or []
        count = rejections_before(this, [left] if isinstance(left, Mapping) else left)
        if count is not None:
            return count
    # Runs before this way of counting left their report alone.
    prior = ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index, include_prior_dates=True)
    if isinstance(prior, Mapping) and prior["window_end"] <= this.window_end:
        return int(prior["consecutive_rejections"])
    return 0


def _key(ti: Any, month: str) -> str:
    """The XCom's key; one a month, so that a gate reads some hundreds of them and not those of years."""
    is_mapped = ti.map_index is not None and ti.map_index >= 0
    return f"judged_{month}_{ti.map_index}" if is_mapped else f"judged_{month}"
