"""Reads from Airflow what a run's gate reported."""

from __future__ import annotations

from http import HTTPStatus

from scripts.airflow_client import AirflowClient, ApiError, Json

GATE = "accuracy_gate"
_REPORTS = ("success", "skipped", "failed")


def gate_report(client: AirflowClient, dag_id: str, run_id: str) -> Json | None:
    """
    Return the gate report of a run.

    Airflow deletes a task's XComs when the task begins anew: in a run that was cleared, and failed before its
    gate, there is the report of the training before.

    :return: None where the gate has not reported since it was cleared last
    :raises ApiError: when the API refuses; not when there is no such run, task or report
    """
    try:
        gate = client.task_instance(dag_id, run_id, GATE)
        report: Json = client.xcom(dag_id, run_id, GATE)
    except ApiError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None
    # Every clearing gives a task instance another id; one that a person marks has not run either.
    is_its_own = report.get("reported_by", gate["id"]) == gate["id"]
    return report if is_its_own and gate["state"] in _REPORTS else None
