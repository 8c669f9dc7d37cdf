"""One retrain as Step Functions sees it: its name, its window and its input."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from retraining.errors import RunConfigError
from retraining.hyperparameters import as_strings, computes
from retraining.local_storage import key_problem
from retraining.run_config import RunConfig
from retraining.spec import MAX_WINDOW_DAYS, ModelSpec

# Step Functions allows 80 characters, SageMaker 63 for training jobs and models: one name fits all, and
# leaves room for the number that a training job has at its end.
MAX_NAME_LENGTH = 60
_DIGEST_LENGTH = 10
# The input's fields that tell runs of one name apart, which two Airflows may have.
RUN_STARTED, DAG_VERSION = "RunStarted", "DagVersion"


def execution_name(dag_id: str, run_id: str, attempt: int = 1, *, state_machine: str, start: str = "") -> str:
    """Name a run's execution, training job and model.

    Deterministic, so that a task retry or a restarted worker finds what an earlier try started. The name
    reads as DAG and run; the digest keeps those apart whose readable parts are equal. Training jobs and
    models share their names with every stack of the account and region.

    :param attempt: which training of the run this is; grows when a finished run is trained again.
    :param state_machine: name of the state machine, which begins with its stack's.
    :param start: what tells the starts of one run apart, where it has several: task and map index.
    :return: at most 60 characters of [A-Za-z0-9-], no hyphen at either end.
    """
    return _readable(f"{dag_id}-{run_id}", state_machine, dag_id, run_id, str(attempt), start)


def restart_name(execution: str, try_number: int) -> str:
    """Name what is started instead of an execution that cannot be taken up.

    :param execution: name of the one that failed.
    :param try_number: of the task that waits for it, so that each of its tries starts one at most.
    """
    return _readable(execution[: -_DIGEST_LENGTH - 1], execution, f"try {try_number}")


def name_before_stacks(dag_id: str, run_id: str, attempt: int = 1) -> str:
    """The name that a run's execution had before names told stacks apart: one begun then is still found."""
    return _readable(f"{dag_id}-{run_id}", dag_id, run_id, str(attempt))


def _readable(text: str, *told_apart_by: str) -> str:
    digest = hashlib.sha256("\0".join(told_apart_by).encode()).hexdigest()[:_DIGEST_LENGTH]
    readable = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")
    readable = readable[: MAX_NAME_LENGTH - _DIGEST_LENGTH - 1].rstrip("-")
    return f"{readable}-{digest}" if readable else digest


def tag_value(text: str) -> str:
    """Make a text fit a tag of AWS: what is not allowed there becomes ``_``.

    :return: at most 256 characters of letters, digits, spaces and ``_.:/=+-@`` (SageMaker, Tag).
    """
    return re.sub(r"[^\w .:/=+@-]", "_", text)[:256]


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

    @classmethod
    def between(cls, start: datetime, end: datetime, spec: ModelSpec) -> Window:
        """Lay the window [start, end).

        :raises RunConfigError: when the window is not longer than its validation part, or over a year long.
        """
        shortest, longest = timedelta(days=spec.validation_days), timedelta(days=MAX_WINDOW_DAYS)
        if not shortest < end - start <= longest:
            raise RunConfigError(
                f"window_start: {iso(start)} must be more than {spec.validation_days} days (validation_days)"
                f" and at most {MAX_WINDOW_DAYS} days before the window's end, {iso(end)}"
            )
        return cls(start, end - shortest, end)


def redeployment(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Make the input of an execution that deploys what another one has trained.

    :param given: the other one's input.
    :param name: the new execution's name, which its endpoint config gets.
    """
    return {**given, "Redeploy": True, "EndpointConfigName": name}


def run_identity(started: datetime | None, dag_version: object) -> dict[str, str]:
    """Tell runs of one name apart that are of two Airflows: ids and intervals are the same in both.

    :param started: when Airflow began the run: the same for all tries, until a finished run is cleared.
    :param dag_version: ID of the DAG's version in Airflow's database: the same until the DAG changes.
    """
    identity = {DAG_VERSION: str(dag_version)} if dag_version else {}
    return {RUN_STARTED: started.astimezone(UTC).isoformat(), **identity} if started else identity


def is_same_run(before: Mapping[str, Any], identity: Mapping[str, str]) -> bool:
    """Whether what an earlier attempt started is this run's. Without an identity, it began before an upgrade.

    :param before: the input of the execution.
    :param identity: of this run, from :func:`run_identity`.
    """
    return RUN_STARTED not in before or any(before.get(key) == value for key, value in identity.items())


class Run(Protocol):
    """What a retrain needs to know of a DAG run; Airflow's own DagRun does."""

    @property
    def dag_id(self) -> str: ...
    @property
    def run_id(self) -> str: ...
    @property
    def run_type(self) -> str: ...
    @property
    def run_after(self) -> datetime: ...
    @property
    def data_interval_end(self) -> datetime | None: ...


def retrain_input(
    *, name: str, params: Mapping[str, Any], run: Run, spec: ModelSpec, deployment: Mapping[str, str]
) -> dict[str, Any]:
    """Make the input of a retrain's execution; ``include/workflow`` reads it.

    :param name: from :func:`execution_name`; model and endpoint config get it too, and the training job with
        a number behind it, 0 unless an earlier training came to nothing.
    :param params: the run's params, see :class:`RunConfig`.
    :param run: decides where the window ends by default, and what deploy policy ``auto`` means.
    :param deployment: what ``DeployWorkflowOperator`` returned.
    :raises RunConfigError: names each wrong param, its value and what is allowed.
    """
    config = RunConfig.from_params(params, spec)
    # A run triggered without a logical date has no data interval.
    end = config.window_end or run.data_interval_end or run.run_after
    if config.window_start:
        window = Window.between(config.window_start, end, spec)
    else:
        window = Window.ending(end, spec, config.window_days or spec.window_days)
    hyperparameters = {**spec.hyperparameters, **config.hyperparameters}
    if not computes(hyperparameters, spec.gate.metric):
        raise RunConfigError(
            f"hyperparameters.eval_metric: {hyperparameters['eval_metric']!r} must contain"
            f" {spec.gate.metric.partition(':')[2]!r}, which the gate compares"
        )
    key = deployment.get("kms_key")
    if problem := key_problem("training_instance_type", config.training_instance_type, key):
        raise RunConfigError(problem)
    given = {
        "TrainingJobName": name,
        "GlueJobName": deployment["glue_job"],
        "ModelName": name,
        "EndpointConfigName": name,
        "EndpointName": config.endpoint,
        "LambdaFunctionName": deployment["metrics_function"],
        "EndpointTestFunctionName": deployment["endpoint_test_function"],
        "DeploymentsTable": deployment["deployments_table"],
        "WindowStart": iso(window.start),
        "ValidationStart": iso(window.validation_start),
        "WindowEnd": iso(window.end),
        "AsOf": iso(config.as_of or window.end),
        "Threshold": config.threshold,
        "DeployPolicy": config.deploys(run.run_type),
        "TrainingInstanceType": config.training_instance_type,
        "Hyperparameters": as_strings(hyperparameters),
        "DagId": tag_value(run.dag_id),
        "RunId": tag_value(run.run_id),
        "Fingerprint": deployment["fingerprint"],
    }
    if spec.gate.beat_champion_by is not None:
        given["BeatChampionBy"] = spec.gate.beat_champion_by
    return given
