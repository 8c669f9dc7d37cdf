"""Removes what retrains left in AWS and nobody needs any more.

Every day, for each model: SageMaker models, endpoint configs, and the ETL and training output in S3 of runs
that are beyond the model's retention (`retention` in model.yaml: older than so many days, and not among the
newest so many). What an endpoint serves or is to serve, what a running execution uses, and what rolling back
would go to stays whatever its age. Training jobs stay in SageMaker, which cannot delete them.

Trigger it with `dry_run` to see in the log what would go.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param, task

from retraining import settings
from retraining.model.folders import load_models
from retraining.operators.housekeeping import HousekeepingOperator

models, _ = load_models(settings.models_folder())  # model_folders.py reports the broken ones
folders = {spec.name: str(folder) for folder, spec in models.items()}

with DAG(
    dag_id="retraining_housekeeping",
    description="Removes models, endpoint configs and S3 output of old retrains",
    doc_md=__doc__,
    schedule="@daily",
    catchup=False,
    max_active_runs=1,
    params={
        "dry_run": Param(False, type="boolean", description="Only say in the log what would be removed."),
        "model": Param(
            None, type=["null", "string"], enum=[None, *folders], description="One model only; empty: all."
        ),
    },
    render_template_as_native_obj=True,
    tags=["retraining", "sagemaker"],
    # Removing again what is gone already is no error.
    default_args={"aws_conn_id": settings.aws_conn_id(), "retries": 2, "retry_delay": timedelta(minutes=1)},
):

    @task
    def choose_models(model: str | None) -> list[str]:
        """Give the folder of one model, or those of all."""
        return [folder for name, folder in folders.items() if model in (None, name)]

    HousekeepingOperator.partial(
        task_id="remove_leftovers",
        plan_only="{{ params.dry_run }}",
        map_index_template="{{ task.model_folder.rpartition('/')[2] }}",
    ).expand(model_folder=choose_models("{{ params.model }}"))
