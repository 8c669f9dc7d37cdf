"""Points a model's endpoint at an earlier accepted model, without training: one DAG per model folder.

Trigger it with `to_model` (a model's name) or `to_window_end` (where the window of its data ends), or with
neither to go to the model before the one that is served now. The deployment is that of a retrain: watched,
tested with a row of the validation set, and undone when it fails.

The next retrain deploys again what it accepts, as its data is newer than that of the model gone back to:
pause the retraining DAG, or set its `deploy_policy` to `never`, until the cause is found.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param

from retraining import settings
from retraining.deployment.rollback import rollback_schema
from retraining.execution.input import redeployment
from retraining.model.folders import load_models
from retraining.model.spec import ModelSpec
from retraining.operators.deploy_workflow import DeployWorkflowOperator
from retraining.operators.start_rollback import StartRollbackOperator
from retraining.outcome import DEPLOYMENT_ERROR
from retraining.sensors.execution import ExecutionSensor
from retraining.sensors.publish_report import PublishReportSensor
from retraining.sensors.rollback import RollbackReportSensor


def rollback_dag(folder: Path, spec: ModelSpec) -> DAG:
    """Make the DAG of one model folder."""
    with DAG(
        dag_id=f"{spec.name}_rollback",
        description=f"Points the endpoint of {spec.name} at an earlier accepted model",
        doc_md=__doc__,
        schedule=None,
        max_active_runs=1,
        params={name: Param(**schema) for name, schema in rollback_schema(spec).items()},
        tags=["retraining", "sagemaker"],
        # A task that is tried again finds what it began; before any retrain's where there is no room for all.
        default_args={
            "aws_conn_id": settings.aws_conn_id(),
            "weight_rule": "retraining.priority.BackfillsLast",
            "priority_weight": 10,
            "retries": 2,
            "retry_delay": timedelta(seconds=10),
        },
    ) as dag:
        deploy = DeployWorkflowOperator(task_id="deploy_workflow", model_folder=folder)
        start = StartRollbackOperator(task_id="start_rollback", model_folder=folder, deployment=deploy.output)
        wait = ExecutionSensor(
            task_id="wait_for_rollback",
            execution_arn=start.output,
            restarts={DEPLOYMENT_ERROR: redeployment},
            # Longer than AWS lets it run: whoever ends it first gives the reason.
            timeout=spec.timeout_seconds + 900,
            retries=0,
        )
        report: dict[str, Any] = {
            "execution_arn": wait.awaited_execution,
            "model_folder": folder,
            # A failed rollback is reported all the same; one that never began is not.
            "trigger_rule": "all_done_min_one_success",
            "poke_interval": 5,
            "timeout": 600,
        }
        result = RollbackReportSensor(task_id="report", **report)
        publish = PublishReportSensor(task_id="publish_report", **report)
        deploy >> start >> wait
        [start, wait] >> result
        [start, wait] >> publish
    return dag


models, _ = load_models(settings.models_folder())  # model_folders.py reports the broken ones
for model_folder, model_spec in models.items():
    globals()[f"{model_spec.name}_rollback"] = rollback_dag(model_folder, model_spec)
