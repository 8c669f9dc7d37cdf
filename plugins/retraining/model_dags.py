"""What the DAGs of model folders have in common: deploy the state machine, start, wait, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG

from retraining import settings
from retraining.model.folders import load_models
from retraining.model.spec import ModelSpec
from retraining.operators.deploy_workflow import DeployWorkflowOperator
from retraining.operators.start_retrain import StartRetrainOperator
from retraining.operators.start_rollback import StartRollbackOperator
from retraining.sensors.execution import ExecutionSensor
from retraining.sensors.gate import AccuracyGateSensor
from retraining.sensors.publish_report import PublishReportSensor
from retraining.sensors.rollback import RollbackReportSensor


def of_every_model(make: Callable[[Path, ModelSpec], DAG]) -> dict[str, DAG]:
    """Make a DAG of each sound model folder, by DAG id; ``model_folders.py`` reports the broken ones."""
    models, _ = load_models(settings.models_folder())
    dags = [make(folder, spec) for folder, spec in models.items()]
    return {dag.dag_id: dag for dag in dags}


def task_defaults(**more: Any) -> dict[str, Any]:
    """Arguments of every task; one that is tried again finds what it began: a lost worker costs seconds."""
    return {
        "aws_conn_id": settings.aws_conn_id(),
        "weight_rule": "retraining.priority.BackfillsLast",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        **more,
    }


def execute_and_report(
    folder: Path,
    spec: ModelSpec,
    *,
    start: type[StartRetrainOperator | StartRollbackOperator],
    report: type[AccuracyGateSensor | RollbackReportSensor],
    task_ids: tuple[str, str, str],
    expected_errors: Sequence[str] = (),
) -> None:
    """Add the tasks to the DAG at hand.

    :param start: starts the execution, ``report`` tells what came of it.
    :param task_ids: of the tasks that start, wait and report.
    :param expected_errors: errors of a failed execution that are results, not breakdowns.
    """
    start_id, wait_id, report_id = task_ids
    deploy = DeployWorkflowOperator(task_id="deploy_workflow", model_folder=folder)
    started = start(task_id=start_id, model_folder=folder, deployment=deploy.output)
    wait = ExecutionSensor(
        task_id=wait_id,
        execution_arn=started.output,
        expected_errors=expected_errors,
        # Longer than AWS lets it run: whoever ends it first gives the reason.
        timeout=spec.timeout_seconds + 900,
        # A person who clears it redrives the execution from the state that failed.
        retries=0,
    )
    reads: dict[str, Any] = {
        "execution_arn": wait.awaited_execution,
        "model_folder": folder,
        # A failed execution fails the wait, and is reported all the same; one that never began is not.
        "trigger_rule": "all_done_min_one_success",
        # An execution that is being stopped takes a moment to end.
        "poke_interval": 5,
        "timeout": 600,
    }
    reports = [report(task_id=report_id, **reads), PublishReportSensor(task_id="publish_report", **reads)]
    deploy >> started >> wait
    for each in reports:
        [started, wait] >> each
