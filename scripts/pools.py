"""Makes the Airflow pools of the models' tasks: a task of a pool that does not exist never starts."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from retraining.model.folders import load_models
from scripts.airflow_client import AirflowClient, ApiError

DEFAULT_POOL = "default_pool"
# Tasks that wait hold no slot, so this bounds the short ones only.
SLOTS = 8


def ensure_pools(client: AirflowClient, models_folder: Path) -> None:
    """
    Make the pools that the model folders name; those that exist stay as they are.

    :param models_folder: the folder with one folder a model; a broken one is Airflow's to report
    """
    models, _ = load_models(models_folder)
    for pool in sorted({spec.pool for spec in models.values()} - {DEFAULT_POOL}):
        body = {"name": pool, "slots": SLOTS, "description": "Tasks of one model", "include_deferred": False}
        try:
            client.request("POST", "/api/v2/pools", body)
        except ApiError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
