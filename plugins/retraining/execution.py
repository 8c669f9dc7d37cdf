"""One retrain as Step Functions sees it: its name, its window and its input."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from retraining.errors import RunConfigError
from retraining.spec import ENDPOINT_NAME, MAX_WINDOW_DAYS, DeployPolicy, ModelSpec

# Step Functions allows 80 characters, SageMaker 63 for training jobs and models: one name fits all.
MAX_NAME_LENGTH = 63
_DIGEST_LENGTH = 10


def execution_name(dag_id: str, run_id: str, attempt: int = 1) -> str:
    """Name a run's execution, training job and model.

    Deterministic, so that a task retry or a restarted worker finds what an earlier try started. The name
    reads as DAG and run; the digest keeps runs apart whose readable parts are equal.

    :param attempt: which training of the run this is; grows when a finished run is trained again.
    :return: at most 63 characters of [A-Za-z0-9-], no hyphen at either end.
    """
    digest = hashlib.sha256(f"{dag_id}\0{run_id}\0{attempt}".encode()).hexdigest()[:_DIGEST_LENGTH]
    readable = re.sub(r"[^A-Za-z0-9]+", "-", f"{dag_id}-{run_id}").strip("-")
    readable = readable[: MAX_NAME_LENGTH - _DIGEST_LENGTH - 1].rstrip("-")
    return f"{readable}-{digest}" if readable else digest


def iso(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC, to the second: ``2013-05-01T00:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Window:
    """The rows of one retrain: [start, end), of which [validation_start, end) validate. UTC."""

    start: datetime
    validation_start: datetime
    end: datetime

    @classmethod
    def ending(cls, end: datetime, spec: ModelSpec, window_days: int) -> Window:
        """Lay the window that ends at ``end``.

        :raises RunConfigError: when the window is not longer than its validation part.
        """
        if not spec.validation_days < window_days <= MAX_WINDOW_DAYS:
            raise RunConfigError(
                f"window_days: {window_days} must be between {spec.validation_days + 1} and {MAX_WINDOW_DAYS}"
            )
        validation_start = end - timedelta(days=spec.validation_days)
        return cls(end - timedelta(days=window_days), validation_start, end)


@dataclass(frozen=True)
class RunConfig:
    """What a person may choose for one run.

    :param threshold: the gate's threshold, a number of 0 to 1.
    :param window_days: length of the window, in days.
    :param deploy_policy: ``auto``, ``never`` or ``force``.
    :param endpoint: name of the SageMaker endpoint that an accepted model is deployed to.
    """

    threshold: float
    window_days: int
    deploy_policy: DeployPolicy
    endpoint: str

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> RunConfig:
        """Check a run's params again, because a run can be made without the form that checks them.

        :raises RunConfigError: names the param, its value and what is allowed.
        """
        threshold, window_days = params["threshold"], params["window_days"]
        policy, endpoint = params["deploy_policy"], params["endpoint"]
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise RunConfigError(f"threshold: {threshold!r} must be a number of 0 to 1")
        if isinstance(window_days, bool) or not isinstance(window_days, int):
            raise RunConfigError(f"window_days: {window_days!r} must be a whole number of days")
        if policy not in ("auto", "never", "force"):
            raise RunConfigError(f"deploy_policy: {policy!r} must be auto, never or force")
        if not isinstance(endpoint, str) or not re.match(ENDPOINT_NAME, endpoint):
            raise RunConfigError(
                f"endpoint: {endpoint!r} must be at most 63 letters, digits and single hyphens inside"
            )
        return cls(float(threshold), window_days, policy, endpoint)


def resolve_deploy_policy(policy: DeployPolicy, run_type: str) -> Literal["never", "force"]:
    """Decide what ``auto`` means for a run: a backfill retrains history and leaves the endpoint alone.

    :param run_type: Airflow's: ``scheduled``, ``manual``, ``backfill`` or ``asset_triggered``.
    """
    if policy == "auto":
        return "never" if run_type == "backfill" else "force"
    return policy


def execution_input(
    *, name: str, window: Window, config: RunConfig, run_type: str, glue_job: str, metrics_function: str
) -> dict[str, Any]:
    """Make the input of an execution; ``include/workflow`` reads it.

    :param name: from :func:`execution_name`.
    :param glue_job: name of the Glue job that extracts and transforms.
    :param metrics_function: name of the Lambda function that reads the training metrics.
    """
    return {
        "TrainingJobName": name,
        "GlueJobName": glue_job,
        "ModelName": name,
        "EndpointName": config.endpoint,
        "LambdaFunctionName": metrics_function,
        "WindowStart": iso(window.start),
        "ValidationStart": iso(window.validation_start),
        "WindowEnd": iso(window.end),
        "Threshold": config.threshold,
        "DeployPolicy": resolve_deploy_policy(config.deploy_policy, run_type),
    }
