"""Keeps every model of the models folder fresh: one DAG per model folder.

Every hour a run deploys the model's state machine if it changed, starts one execution for the run's data
interval, waits for it without holding a worker, and reports what the accuracy gate decided: as the gate's
result, and as asset events that other DAGs can be scheduled on.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, CronDataIntervalTimetable, Param

from retraining.execution.run_config import params_schema
from retraining.model.spec import ModelSpec
from retraining.model_dags import execute_and_report, of_every_model, task_defaults
from retraining.operators.start_retrain import StartRetrainOperator
from retraining.outcome import REJECTED_ERROR
from retraining.sensors.gate import AccuracyGateSensor


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
        default_args=task_defaults(pool=spec.pool),
    ) as dag:
        execute_and_report(
            folder,
            spec,
            start=StartRetrainOperator,
            report=AccuracyGateSensor,
            task_ids=("start_execution", "wait_for_execution", "accuracy_gate"),
            expected_errors=[REJECTED_ERROR],
        )
    return dag


globals().update(of_every_model(retraining_dag))
