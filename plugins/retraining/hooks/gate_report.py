"""Reads what a gate report is made of: the execution, its history and the report before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

from retraining.gate import GateReport, gate_report
from retraining.hooks.aws_errors import clear_aws_errors
from retraining.hooks.state_machine import StateMachineHook
from retraining.spec import ModelSpec

if TYPE_CHECKING:
    from airflow.sdk import Context


def read_report(
    hook: StateMachineHook, execution_arn: str, spec: ModelSpec, context: Context
) -> GateReport | None:
    """Report on an execution.

    The report before it is what the same task returned in the newest run that is not later in data time;
    Airflow keeps it whether that task was then a success, skipped or failed.

    :return: None while the execution runs.
    :raises AirflowFailException: when there is no execution.
    """
    if not execution_arn:
        raise AirflowFailException("execution_arn: none; no execution was started")
    with clear_aws_errors(hook.aws_conn_id):
        execution = hook.describe_execution(execution_arn)
        if execution["status"] in ("RUNNING", "PENDING_REDRIVE"):
            return None
        history = hook.history(execution_arn)
    ti = context["ti"]
    prior = ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index, include_prior_dates=True)
    return gate_report(
        model=spec.name,
        metric=spec.gate.metric,
        execution=execution,
        history=history,
        prior=prior if isinstance(prior, Mapping) else None,
    )
