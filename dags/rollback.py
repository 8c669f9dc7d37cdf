"""Points a model's endpoint at an earlier accepted model, without training: one DAG per model folder.

Trigger it with `to_model` (a model's name) or `to_window_end` (where the window of its data ends), or with
neither to go to the model before the one that is served now. The deployment is that of a retrain: watched,
tested with a row of the validation set, and undone when it fails.

The endpoint is held to that model, with the `reason` that is given: retrains end as `held` until the DAG
`<model>_release` is triggered. With `hold` false a hold that there was is released, and the next retrain
deploys again what it accepts, as its data is newer.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, Param

from retraining.deployment.rollback import rollback_schema
from retraining.model.spec import ModelSpec
from retraining.model_dags import execute_and_report, of_every_model, task_defaults
from retraining.operators.start_rollback import StartRollbackOperator
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
        # Before any retrain's where there is no room for all.
        default_args=task_defaults(priority_weight=10),
    ) as dag:
        execute_and_report(
            folder,
            spec,
            start=StartRollbackOperator,
            report=RollbackReportSensor,
            task_ids=("start_rollback", "wait_for_rollback", "report"),
        )
    return dag


globals().update(of_every_model(rollback_dag))
