"""Keeps every model of the models folder fresh: one DAG per model folder.

Every hour a run deploys the model's state machine if it changed, starts one execution for the run's data
interval, waits for it without holding a worker, and reports what the accuracy gate decided.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, CronDataIntervalTimetable, Param

from retraining import settings
from retraining.operators.deploy_workflow import DeployWorkflowOperator
from retraining.operators.start_execution import StartRetrainOperator
from retraining.sensors.execution import ExecutionSensor
from retraining.sensors.gate import AccuracyGateSensor
from retraining.spec import ENDPOINT_NAME, MAX_WINDOW_DAYS, ModelSpec, load_models


def run_params(spec: ModelSpec) -> dict[str, Param]:
    """What a person may vary for one run; the trigger form shows it, and refuses what does not fit."""
    return {
        "threshold": Param(
            spec.gate.threshold,
            type="number",
            minimum=0,
            maximum=1,
            description=f"A model is accepted when {spec.gate.metric} is "
            f"{spec.gate.comparison.replace('_', ' ')} this.",
        ),
        "window_days": Param(
            spec.window_days,
            type="integer",
            minimum=spec.validation_days + 1,
            maximum=MAX_WINDOW_DAYS,
            description="Days of data before the end of the data interval; the last "
            f"{spec.validation_days} of them validate.",
        ),
        "deploy_policy": Param(
            spec.deploy_policy,
            enum=["auto", "never", "force"],
            description="Deploy an accepted model? auto: yes, except in backfills.",
        ),
        "endpoint": Param(
            spec.endpoint,
            type="string",
            pattern=ENDPOINT_NAME,
            description="The SageMaker endpoint that an accepted model is deployed to.",
        ),
    }


def retraining_dag(folder: Path, spec: ModelSpec) -> DAG:
    """Make the DAG of one model folder."""
    with DAG(
        dag_id=f"{spec.name}_retraining",
        description=spec.description,
        doc_md=__doc__,
        schedule=CronDataIntervalTimetable(spec.schedule, timezone="UTC"),
        catchup=False,
        params=run_params(spec),
        tags=["retraining", "sagemaker"],
        default_args={"aws_conn_id": settings.aws_conn_id()},
    ) as dag:
        deploy = DeployWorkflowOperator(task_id="deploy_workflow", model_folder=folder)
        start = StartRetrainOperator(task_id="start_execution", model_folder=folder, deployment=deploy.output)
        arn = start.output
        wait = ExecutionSensor(task_id="wait_for_execution", execution_arn=arn)
        gate = AccuracyGateSensor(task_id="accuracy_gate", execution_arn=arn, model_folder=folder)
        deploy >> start >> wait >> gate
    return dag


models, _ = load_models(settings.models_folder())  # model_folders.py reports the broken ones
for model_folder, model_spec in models.items():
    globals()[f"{model_spec.name}_retraining"] = retraining_dag(model_folder, model_spec)
