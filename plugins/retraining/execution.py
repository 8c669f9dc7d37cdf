"""One retrain as Step Functions sees it: its name, its window and its input."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from retraining.errors import RunConfigError
from retraining.run_config import RunConfig
from retraining.spec import MAX_WINDOW_DAYS, ModelSpec

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


def execution_input(
    *, name: str, window: Window, config: RunConfig, run_type: str, glue_job: str, metrics_function: str
) -> dict[str, Any]:
    """Make the input of an execution; ``include/workflow`` reads it.

    :param name: from :func:`execution_name`.
    :param run_type: Airflow's type of the run, which decides what deploy policy ``auto`` means.
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
        "DeployPolicy": config.deploys(run_type),
    }
