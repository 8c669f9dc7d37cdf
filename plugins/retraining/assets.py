"""Airflow assets that other DAGs can be scheduled on.

Name and URI of each are one string, so that a consumer writes no more than
``schedule=[Asset("x-sagemaker://endpoint/flight-delay")]``. Schemes that begin with ``x-`` are for anybody's
own use; for any other, Airflow imports every provider's rules while it parses the DAG.
"""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias


def endpoint_asset(endpoint: str) -> Asset:
    """The asset of a SageMaker endpoint, updated when a model is deployed to it."""
    return Asset(f"x-sagemaker://endpoint/{endpoint}")


def reports_asset(model: str) -> Asset:
    """The asset of a model's gate reports, updated by every report."""
    return Asset(f"x-sagemaker://retraining/{model}/reports")


def deployments_alias(model: str) -> AssetAlias:
    """Stands for whatever endpoint a model is deployed to: only the run knows, its params decide."""
    return AssetAlias(f"{model}_deployments", group="retraining")
