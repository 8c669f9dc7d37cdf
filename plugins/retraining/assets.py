"""Airflow assets that other DAGs can be scheduled on.

Name and URI of each are one string, so that ``schedule=[Asset("sagemaker://endpoint/flight-delay")]`` is all
that a consumer writes. Airflow has no rules for URIs of this scheme.
"""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias


def endpoint_asset(endpoint: str) -> Asset:
    """The asset of a SageMaker endpoint, updated when a model is deployed to it."""
    return Asset(f"sagemaker://endpoint/{endpoint}")


def reports_asset(model: str) -> Asset:
    """The asset of a model's gate reports, updated by every report."""
    return Asset(f"sagemaker://retraining/{model}/reports")


def deployments_alias(model: str) -> AssetAlias:
    """Stands for whatever endpoint a model is deployed to: only the run knows, its params decide."""
    return AssetAlias(f"{model}_deployments", group="retraining")
