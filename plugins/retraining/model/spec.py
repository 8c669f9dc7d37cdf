"""What ``model.yaml`` says: :class:`ModelSpec`, and what is allowed in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from croniter import CroniterBadDateError, croniter
from pydantic import Field, field_validator, model_validator

from retraining.model.gate_spec import Gate, Notify
from retraining.model.hyperparameters import Hyperparameters, computes
from retraining.model.serving_spec import INSTANCE_TYPE, Serving
from retraining.model.strict_model import StrictModel

DeployPolicy = Literal["auto", "if_newer", "never", "force"]

MODEL_NAME = r"^[a-z][a-z0-9_]{0,29}$"
# SageMaker allows 63 characters of [a-zA-Z0-9-], no hyphen at either end (CreateEndpoint).
ENDPOINT_NAME = r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$"
MAX_WINDOW_DAYS = 366
# What Airflow keeps of a DAG has to fit PostgreSQL's types, which are narrower than SQLite's.
NO_NUL = r"^[^\x00]*$"
MAX_INTEGER = 2**31 - 1


class Algorithm(StrictModel):
    """SageMaker's built-in algorithm that trains the model.

    :param version: image version; the ones the SageMaker SDK can find an image for.
    """

    name: Literal["xgboost"] = "xgboost"
    version: Literal["1.2-2", "1.3-1", "1.5-1", "1.7-1", "3.0-5"] = "3.0-5"


class Training(StrictModel):
    """Where a training job runs.

    :param volume_gb: size of the training volume, in GiB.
    :param max_runtime_seconds: the job is stopped after so long (SageMaker allows up to 28 days).
    """

    instance_type: Annotated[str, Field(pattern=INSTANCE_TYPE)] = "ml.m5.xlarge"
    instance_count: Annotated[int, Field(ge=1, le=20)] = 1
    volume_gb: Annotated[int, Field(ge=1, le=16384)] = 10
    max_runtime_seconds: Annotated[int, Field(ge=60, le=2419200)] = 3600


class Retention(StrictModel):
    """How long housekeeping keeps what a run leaves; what goes is beyond both.

    :param count: the newest so many runs stay.
    :param days: what is younger stays.
    """

    count: Annotated[int, Field(ge=1)] = 50
    days: Annotated[int, Field(ge=1)] = 30


class ModelSpec(StrictModel):
    """What ``model.yaml`` says.

    :param name: the model's name, that of its folder; the DAG is called ``<name>_retraining``.
    :param endpoint: SageMaker endpoint that serves the accepted models.
    :param schedule: cron expression, UTC; one run for each interval between two of its times.
    :param dataset: raw data, under ``s3://<bucket>/data/<dataset>/date=YYYY-MM-DD/``; also the name
        of the table that ``transform.sql`` reads.
    :param window_days: length of the window, which ends where the run's data interval ends.
    :param validation_days: the last days of the window, held out for validation.
    :param timeout_seconds: an execution that takes longer ends ``timed_out``.
    :param deploy_policy: what becomes of accepted models. ``if_newer`` deploys them unless the endpoint
        serves a newer window's, ``force`` whatever it serves, ``never`` not at all; ``auto`` is ``never`` for
        backfills and ``if_newer`` for every other run.
    :param max_active_runs: scheduled and manual runs at a time; a backfill brings its own limit.
    :param pool: Airflow pool of the tasks; it has to exist.
    :param retention: what housekeeping keeps.
    :param notify: who is told about which outcomes; nobody by default.
    """

    name: Annotated[str, Field(pattern=MODEL_NAME)]
    description: Annotated[str, Field(pattern=NO_NUL)] = ""
    endpoint: Annotated[str, Field(pattern=ENDPOINT_NAME)]
    schedule: str = "0 * * * *"
    dataset: Annotated[str, Field(pattern=MODEL_NAME)]
    window_days: Annotated[int, Field(ge=2, le=MAX_WINDOW_DAYS)] = 28
    validation_days: Annotated[int, Field(ge=1)] = 7
    gate: Gate = Gate()
    algorithm: Algorithm = Algorithm()
    hyperparameters: Hyperparameters
    training: Training = Training()
    serving: Serving = Serving()
    timeout_seconds: Annotated[int, Field(ge=60, le=31536000)] = 14400
    deploy_policy: DeployPolicy = "auto"
    max_active_runs: Annotated[int, Field(ge=1, le=MAX_INTEGER)] = 4
    pool: Annotated[str, Field(pattern=NO_NUL, min_length=1, max_length=256)] = "default_pool"
    retention: Retention = Retention()
    notify: list[Notify] = Field(default_factory=list)

    @field_validator("schedule")
    @classmethod
    def _is_cron(cls, value: str) -> str:
        # croniter also takes seconds and years, which Airflow does not describe, and times drawn by lot.
        drawn = any(re.match(r"[rh]([(/]|$)", part) for part in re.split(r"[\s,]", value.lower()))
        if drawn or not croniter.is_valid(value) or len(croniter(value).expanded) != 5:
            raise ValueError("must be a cron expression of five fields, such as '0 * * * *'")
        try:
            croniter(value, datetime(2000, 1, 1, tzinfo=UTC)).get_next()
        except CroniterBadDateError:
            raise ValueError("must come some day, and no year has such a one") from None
        return value

    @field_validator("hyperparameters")
    @classmethod
    def _are_trainable(cls, value: Hyperparameters) -> Hyperparameters:
        if "num_round" not in value:
            raise ValueError("must have num_round, the number of boosting rounds")
        return value

    @model_validator(mode="after")
    def _leaves_rows_to_train_on(self) -> ModelSpec:
        if self.validation_days >= self.window_days:
            raise ValueError(
                f"validation_days: {self.validation_days} must be less than window_days ({self.window_days})"
            )
        return self

    @model_validator(mode="after")
    def _trains_with_the_gates_metric(self) -> ModelSpec:
        if not computes(self.hyperparameters, self.gate.metric):
            raise ValueError(
                f"gate.metric: {self.gate.metric!r} is not computed in training;"
                f" hyperparameters.eval_metric has {self.hyperparameters.get('eval_metric', 'nothing')}"
            )
        return self
