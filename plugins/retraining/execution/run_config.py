"""What a person may vary for one run: one definition for the trigger form, the REST API and the library."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from retraining.errors import RunConfigError, explain
from retraining.model.hyperparameters import JSON_SCHEMA, Hyperparameters
from retraining.model.serving_spec import INSTANCE_TYPE
from retraining.model.spec import ENDPOINT_NAME, MAX_WINDOW_DAYS, DeployPolicy, ModelSpec
from retraining.model.strict_model import StrictModel

DATE_TIME = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)$"
# No data is older or newer; far ends of the calendar cannot be reckoned with.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def _moment(value: Any) -> Any:
    """Read a date-time strictly: pydantic would take numbers and local times as well."""
    if value is None:
        return value
    try:
        if not isinstance(value, str) or not re.fullmatch(DATE_TIME[1:-1], value, re.ASCII):
            raise ValueError
        moment = datetime.fromisoformat(value.upper())
        if not EARLIEST <= moment <= LATEST:
            raise ValueError
    except ValueError:
        raise ValueError(
            "must be a date-time of ISO 8601 with its UTC offset, such as 2013-05-01T00:00:00Z,"
            f" from {EARLIEST.year} to {LATEST.year}"
        ) from None
    # An execution's input knows whole seconds.
    return moment.astimezone(UTC).replace(microsecond=0)


MOMENT = BeforeValidator(_moment)
# Airflow's form takes a field for an optional one by this form of "type", not by "anyOf".
MOMENT_SCHEMA = WithJsonSchema({"type": ["null", "string"], "format": "date-time", "pattern": DATE_TIME})
_DAYS_SCHEMA = WithJsonSchema({"type": ["null", "integer"], "minimum": 2, "maximum": MAX_WINDOW_DAYS})


class RunConfig(StrictModel):
    """A run's params, checked.

    Airflow checks them against :func:`params_schema` when a run is triggered; the library checks again,
    because its operators can be used in a DAG without that schema.
    """

    threshold: Annotated[
        float,
        Field(strict=True, ge=0, le=1, allow_inf_nan=False, description="The accuracy gate's threshold."),
    ]
    window_start: Annotated[
        datetime | None,
        MOMENT,
        MOMENT_SCHEMA,
        Field(description="First moment of the data (UTC offset included), instead of window_days."),
    ] = None
    window_days: Annotated[
        int | None,
        _DAYS_SCHEMA,
        Field(ge=2, le=MAX_WINDOW_DAYS, description="Days of data before the window's end."),
    ] = None
    window_end: Annotated[
        datetime | None,
        MOMENT,
        MOMENT_SCHEMA,
        Field(description="First moment after the data; empty: the end of the run's data interval."),
    ] = None
    as_of: Annotated[
        datetime | None,
        MOMENT,
        MOMENT_SCHEMA,
        Field(
            description="Data received from then on does not count; empty: the window's end, so that a window"
            " always has the same rows. A later moment lets late data in."
        ),
    ] = None
    deploy_policy: Annotated[
        DeployPolicy,
        Field(
            description="Deploy an accepted model? if_newer: unless the endpoint serves a newer window's;"
            " force: in any case; auto: never in backfills, else if_newer."
        ),
    ]
    endpoint: Annotated[
        str,
        Field(pattern=ENDPOINT_NAME, description="SageMaker endpoint that an accepted model is deployed to."),
    ]
    training_instance_type: Annotated[
        str, Field(pattern=INSTANCE_TYPE, description="What the training job runs on.")
    ]
    hyperparameters: Annotated[
        Hyperparameters,
        WithJsonSchema(JSON_SCHEMA),
        Field(description='Instead of the model\'s own ones: {"max_depth": 6}.'),
    ]

    @field_validator("window_days", mode="before")
    @classmethod
    def _is_no_boolean(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("must be a number of days")
        return value

    @model_validator(mode="after")
    def _has_one_window(self) -> RunConfig:
        if self.window_start is None:
            return self
        if self.window_days is not None:
            raise ValueError(
                "window_start: give window_start or window_days, not both"
                f" (window_days is {self.window_days})"
            )
        if self.window_end is not None and self.window_start >= self.window_end:
            raise ValueError(
                f"window_start: {self.window_start.isoformat()} must be before window_end"
                f" ({self.window_end.isoformat()})"
            )
        return self

    @classmethod
    def from_params(cls, params: Mapping[str, Any], spec: ModelSpec) -> RunConfig:
        """Check a run's params.

        :param params: by name; the model decides what they leave out.
        :raises RunConfigError: names each wrong or unknown param, its value and what is allowed.
        """
        try:
            return cls.model_validate({**_defaults(spec), **params})
        except ValidationError as error:
            raise RunConfigError("\n".join(explain(error, cls))) from None

    def deploys(self, run_type: str) -> Literal["never", "if_newer", "force"]:
        """Resolve ``auto``: a backfill retrains history and leaves the endpoint alone.

        :param run_type: Airflow's: ``scheduled``, ``manual``, ``backfill`` or ``asset_triggered``.
        """
        if self.deploy_policy == "auto":
            return "never" if run_type == "backfill" else "if_newer"
        return self.deploy_policy


def _defaults(spec: ModelSpec) -> dict[str, Any]:
    return {
        "threshold": spec.gate.threshold,
        "window_start": None,
        "window_days": None,
        "window_end": None,
        "as_of": None,
        "deploy_policy": spec.deploy_policy,
        "endpoint": spec.endpoint,
        "training_instance_type": spec.training.instance_type,
        "hyperparameters": {},
    }


def params_schema(spec: ModelSpec) -> dict[str, dict[str, Any]]:
    """JSON schema of a model's run params by name, each with the model's default."""
    schema = RunConfig.model_json_schema()["properties"]
    schema["window_days"]["minimum"] = spec.validation_days + 1
    schema["window_days"]["description"] += f" Empty: {spec.window_days}, or as window_start says."
    return {name: {**schema[name], "default": default} for name, default in _defaults(spec).items()}
