"""What a person may vary for one run: one definition for the trigger form, the REST API and the library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from retraining.errors import RunConfigError, explain
from retraining.spec import (
    ENDPOINT_NAME,
    MAX_WINDOW_DAYS,
    DeployPolicy,
    ModelSpec,
    StrictModel,
)


class RunConfig(StrictModel):
    """A run's params, checked.

    Airflow checks them against :func:`params_schema` when a run is triggered; the library checks again,
    because its operators can be used in a DAG without that schema.
    """

    threshold: Annotated[
        float,
        Field(strict=True, ge=0, le=1, allow_inf_nan=False, description="The accuracy gate's threshold."),
    ]
    window_days: Annotated[
        int,
        Field(
            ge=2,
            le=MAX_WINDOW_DAYS,
            description="Days of data before the end of the data interval.",
        ),
    ]
    deploy_policy: Annotated[
        DeployPolicy, Field(description="Deploy an accepted model? auto: yes, except in backfills.")
    ]
    endpoint: Annotated[
        str,
        Field(pattern=ENDPOINT_NAME, description="SageMaker endpoint that an accepted model is deployed to."),
    ]

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> RunConfig:
        """Check a run's params.

        :raises RunConfigError: names each wrong param, its value and what is allowed.
        """
        try:
            return cls.model_validate({name: params.get(name) for name in cls.model_fields})
        except ValidationError as error:
            raise RunConfigError("\n".join(explain(error))) from None

    def deploys(self, run_type: str) -> Literal["never", "force"]:
        """Resolve ``auto``: a backfill retrains history and leaves the endpoint alone.

        :param run_type: Airflow's: ``scheduled``, ``manual``, ``backfill`` or ``asset_triggered``.
        """
        if self.deploy_policy == "auto":
            return "never" if run_type == "backfill" else "force"
        return self.deploy_policy


def params_schema(spec: ModelSpec) -> dict[str, dict[str, Any]]:
    """JSON schema of a model's run params by name, each with the model's default."""
    properties = RunConfig.model_json_schema()["properties"]
    properties["window_days"]["minimum"] = spec.validation_days + 1
    defaults = {
        "threshold": spec.gate.threshold,
        "window_days": spec.window_days,
        "deploy_policy": spec.deploy_policy,
        "endpoint": spec.endpoint,
    }
    return {name: {"default": defaults[name], **schema} for name, schema in properties.items()}
