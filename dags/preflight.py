"""Looks, when it is triggered by hand, whether everything is there that the retrains need: one task a model.

It runs on a worker, with its network, its credentials and its SDK interpreter, and changes nothing. The
command `python -m retraining.preflight` looks from where it is called, and at Airflow's pools too.
"""

from __future__ import annotations

from airflow.sdk import DAG

from retraining import settings
from retraining.model.folders import load_models
from retraining.operators.preflight import PreflightOperator

models, _ = load_models(settings.models_folder())  # model_folders.py reports the broken ones

with DAG(
    dag_id="retraining_preflight",
    description="Checks credentials, stack, roles, data, quotas and the SDK interpreter",
    doc_md=__doc__,
    schedule=None,
    tags=["retraining", "sagemaker"],
    default_args={"aws_conn_id": settings.aws_conn_id()},
):
    for folder, spec in models.items():
        PreflightOperator(task_id=spec.name, model_folder=folder)
