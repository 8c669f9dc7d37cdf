"""Keeps every model of the models folder fresh: one DAG per model folder.

Every hour a run deploys the model's state machine if it changed, starts one execution for the run's data
interval, waits for it without holding a worker, and reports what the accuracy gate decided: as the gate's
result, and as asset events that other DAGs can be scheduled on.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable, Param

from retraining import settings
from retraining.execution.input import redeployment
from retraining.execution.run_config import params_schema
from retraining.model.folders import load_models
from retraining.model.spec import ModelSpec
from retraining.operators.deploy_workflow import DeployWorkflowOperator
from retraining.operators.start_execution import StartRetrainOperator
from retraining.outcome import DEPLOYMENT_ERROR, REJECTED_ERROR
from retraining.sensors.execution import ExecutionSensor
from retraining.sensors.gate import AccuracyGateSensor
from retraining.sensors.publish_report import PublishReportSensor

# A failed execution fails the wait, and is reported all the same; one that never began is not.
EVEN_IF_IT_FAILED = "all_done_min_one_success"


def retraining_dag(folder: Path, spec: ModelSpec) -> DAG:
    """Make the DAG of one model folder."""
    with DAG(
        dag_id=f"{spec.name}_retraining",
        description=spec.description,
        doc_md=__doc__,
        schedule=CronDataIntervalTimetable(spec.schedule, timezone="UTC"),
        catchup=False,
        max_active_runs=spec.max_active_runs,
        params={name: Param(**schema) for name, schema in params_schema(spec).items()},
        tags=["retraining", "sagemaker"],
        # A task that is tried again finds what it began, so that a lost worker costs seconds.
        default_args={
            "aws_conn_id": settings.aws_conn_id(),
            "pool": spec.pool,
            "weight_rule": "retraining.priority.BackfillsLast",
            "retries": 2,
            "retry_delay": timedelta(seconds=10),
        },
    ) as dag:
        deploy = DeployWorkflowOperator(task_id="deploy_workflow", model_folder=folder)
        start = StartRetrainOperator(task_id="start_execution", model_folder=folder, deployment=deploy.output)
        wait = ExecutionSensor(
            task_id="wait_for_execution",
            execution_arn=start.output,
            expected_errors=[REJECTED_ERROR],
            restarts={DEPLOYMENT_ERROR: redeployment},
            # Longer than AWS lets it run: whoever ends it first gives the reason.
            timeout=spec.timeout_seconds + 900,
            # A person who clears it redrives the execution from the state that failed, or deploys again.
            retries=0,
        )
        report: dict[str, Any] = {
            "execution_arn": wait.awaited_execution,
            "model_folder": folder,
            "trigger_rule": EVEN_IF_IT_FAILED,
            # An execution that is being stopped takes a moment to end.
            "poke_interval": 5,
            "timeout": 600,
        }
        gate = AccuracyGateSensor(task_id="accuracy_gate", **report)
        publish = PublishReportSensor(task_id="publish_report", **report)
        deploy >> start >> wait
        [start, wait] >> gate
        [start, wait] >> publish
    return dag


models, _ = load_models(settings.models_folder())  # model_folders.py reports the broken ones
for model_folder, model_spec in models.items():
    globals()[f"{model_spec.name}_retraining"] = retraining_dag(model_folder, model_spec)
