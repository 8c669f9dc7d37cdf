"""Holds a model's endpoint to the model that it serves, and releases it: two DAGs per model folder.

Trigger `<model>_hold`, with a `reason`, to pin the endpoint: retrains go on, and end as `held`; their reports
say who holds it, why and since when. Rolling back holds by itself, unless it is told not to.

Trigger `<model>_release` to let retrains deploy again: the next one that is accepted does.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, Param

from retraining.deployment.hold import endpoint_schema, hold_schema
from retraining.model.spec import ModelSpec
from retraining.model_dags import of_every_model, task_defaults
from retraining.operators.hold import HoldEndpointOperator, ReleaseEndpointOperator

# Before any retrain's where there is no room for all.
DEFAULTS = task_defaults(priority_weight=10)


def hold_dag(_: Path, spec: ModelSpec) -> DAG:
    """Make the DAG that holds the endpoint of one model folder."""
    with DAG(
        dag_id=f"{spec.name}_hold",
        description=f"Holds the endpoint of {spec.name} to the model that it serves",
        doc_md=__doc__,
        schedule=None,
        params={name: Param(**schema) for name, schema in hold_schema(spec).items()},
        tags=["retraining", "sagemaker"],
        default_args=DEFAULTS,
    ) as dag:
        HoldEndpointOperator(
            task_id="hold", endpoint="{{ params.endpoint }}", reason="{{ params.reason or '' }}"
        )
    return dag


def release_dag(_: Path, spec: ModelSpec) -> DAG:
    """Make the DAG that releases it."""
    with DAG(
        dag_id=f"{spec.name}_release",
        description=f"Lets retrains of {spec.name} deploy to its endpoint again",
        doc_md=__doc__,
        schedule=None,
        params={"endpoint": Param(**endpoint_schema(spec))},
        tags=["retraining", "sagemaker"],
        default_args=DEFAULTS,
    ) as dag:
        ReleaseEndpointOperator(task_id="release", endpoint="{{ params.endpoint }}")
    return dag


globals().update(of_every_model(hold_dag) | of_every_model(release_dag))
