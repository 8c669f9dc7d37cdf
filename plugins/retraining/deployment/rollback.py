"""Rolling back: which earlier model an endpoint is pointed at, and the execution that does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, ValidationError, WithJsonSchema, model_validator

from retraining.deployment.hold import Hold, Reason
from retraining.errors import RunConfigError, explain
from retraining.execution.execution_input import ExecutionInput
from retraining.execution.input import tag_value
from retraining.execution.run_config import MOMENT, MOMENT_SCHEMA
from retraining.execution.window import iso
from retraining.model.spec import ENDPOINT_NAME, ModelSpec
from retraining.model.strict_model import StrictModel

LISTED_CANDIDATES = 20


class RollbackConfig(StrictModel):
    """A rollback's params, checked.

    :raises pydantic.ValidationError: when both ``to_model`` and ``to_window_end`` are given, among others.
    """

    to_model: Annotated[
        str | None,
        # A model's name has the pattern of an endpoint's (SageMaker, CreateModel).
        WithJsonSchema({"type": ["null", "string"], "pattern": ENDPOINT_NAME}),
        Field(
            pattern=ENDPOINT_NAME,
            description="Name of an accepted model; empty, and to_window_end too: the one before this.",
        ),
    ] = None
    to_window_end: Annotated[
        datetime | None,
        MOMENT,
        MOMENT_SCHEMA,
        Field(description="Instead of to_model: where the window of the model's data ends."),
    ] = None
    hold: Annotated[
        bool, Field(description="Keep retrains from deploying until the endpoint is released.")
    ] = True
    reason: Reason = None
    endpoint: Annotated[str, Field(pattern=ENDPOINT_NAME, description="SageMaker endpoint to roll back.")]

    @model_validator(mode="after")
    def _names_one_model(self) -> RollbackConfig:
        if self.to_model is not None and self.to_window_end is not None:
            raise ValueError(
                "to_model: give to_model or to_window_end, not both"
                f" (to_window_end is {iso(self.to_window_end)})"
            )
        return self

    @classmethod
    def from_params(cls, params: Mapping[str, Any], spec: ModelSpec) -> RollbackConfig:
        """Check a run's params.

        :raises RunConfigError: names each wrong or unknown param, its value and what is allowed.
        """
        try:
            return cls.model_validate({"endpoint": spec.endpoint, **params})
        except ValidationError as error:
            raise RunConfigError("\n".join(explain(error, cls))) from None

    @property
    def is_explicit(self) -> bool:
        """Whether a person chose the model."""
        return self.to_model is not None or self.to_window_end is not None


def rollback_schema(spec: ModelSpec) -> dict[str, dict[str, Any]]:
    """JSON schema of a model's rollback params by name, each with its default."""
    schema = RollbackConfig.model_json_schema()["properties"]
    defaults = {
        "to_model": None,
        "to_window_end": None,
        "hold": True,
        "reason": None,
        "endpoint": spec.endpoint,
    }
    return {name: {**schema[name], "default": default} for name, default in defaults.items()}


@dataclass(frozen=True)
class AcceptedModel:
    """A model that passed the gate, as its tags tell.

    :param run: its run's ``TrainingJobName``.
    :param window_start: start of the half-open window [window_start, window_end) of its data, ISO 8601 UTC.
    :param endpoint: endpoint that it was meant for.
    :param metric: the gate's metric, as text, where it is known.
    :param stack: the stack that it belongs to; None where it was made before there were tags for stacks.
    """

    name: str
    run: str
    window_start: str
    window_end: str
    endpoint: str
    metric: str | None = None
    stack: str | None = None

    def __str__(self) -> str:
        metric = f", metric {self.metric}" if self.metric else ""
        return f"{self.name} (window to {self.window_end}, for {self.endpoint}{metric})"


def choose_model(
    accepted: Sequence[AcceptedModel], config: RollbackConfig, served: str | None, stack: str
) -> AcceptedModel:
    """Choose the model to go back to.

    :param accepted: the accepted models, of all stacks.
    :param served: name of the model that the endpoint serves, or is being updated to; None for no endpoint.
    :param stack: whose models can be chosen.
    :raises RunConfigError: when there is none, or more than one; lists those that can be named.
    """
    models = [model for model in accepted if model.stack in (None, stack)]
    if config.to_model is not None:
        fitting = [model for model in models if model.name == config.to_model]
        owners = {model.name: model.stack for model in accepted}
        wanted = f"to_model: {config.to_model!r} is no accepted model"
        if owner := owners.get(config.to_model):
            wanted += f" of stack {stack!r}, but of {owner!r}"
    elif config.to_window_end is not None:
        end = iso(config.to_window_end)
        fitting = [model for model in models if model.window_end == end and model.endpoint == config.endpoint]
        wanted = f"to_window_end: no accepted model for {config.endpoint} has a window that ends at {end}"
        if len(fitting) > 1:
            raise _error(f"to_window_end: more than one model's window ends at {end}; name to_model", fitting)
    else:
        now = next((model for model in models if model.name == served), None)
        if now is None:
            raise _error(
                f"endpoint: {config.endpoint!r} serves {served or 'nothing'}, which is no accepted model;"
                " name to_model or to_window_end",
                models,
            )
        before = [
            model
            for model in models
            if model.endpoint == config.endpoint and model.window_end < now.window_end
        ]
        fitting = [max(before, key=lambda model: (model.window_end, model.name))] if before else []
        wanted = f"endpoint: no model was accepted for {config.endpoint} before {now}"
    if not fitting:
        raise _error(wanted, models)
    return fitting[0]


def _error(problem: str, candidates: Iterable[AcceptedModel]) -> RunConfigError:
    newest_first = sorted(candidates, key=lambda model: model.window_end, reverse=True)
    lines = [f"  {model}" for model in newest_first[:LISTED_CANDIDATES]] or ["  none"]
    if len(newest_first) > LISTED_CANDIDATES:
        lines.append(f"  and {len(newest_first) - LISTED_CANDIDATES} older ones")
    return RunConfigError("\n".join([f"{problem}. Accepted models, the newest window first:", *lines]))


def rollback_input(
    *,
    name: str,
    model: AcceptedModel,
    config: RollbackConfig,
    served: str | None,
    hold: Hold | None,
    dag_id: str,
    run_id: str,
    spec: ModelSpec,
    deployment: Mapping[str, str],
) -> ExecutionInput:
    """Make the input of an execution that deploys a model which is there already.

    :param name: the execution's, which the endpoint config gets too.
    :param hold: what takes the place of a hold that there is; None releases the endpoint.
    :param deployment: what ``DeployWorkflowOperator`` returned.
    """
    return ExecutionInput(
        redeploy=True,
        replaced_model=served,
        training_job_name=model.run,
        model_name=model.name,
        endpoint_config_name=name,
        endpoint_name=config.endpoint,
        endpoint_test_function_name=deployment["endpoint_test_function"],
        deployment_function_name=deployment["deployment_function"],
        deployments_table=deployment["deployments_table"],
        window_start=model.window_start,
        window_end=model.window_end,
        as_of=model.window_end,
        threshold=spec.gate.threshold,
        deploy_policy="force",
        hold=hold.to_dict() if hold else {},
        dag_id=tag_value(dag_id),
        run_id=tag_value(run_id),
        fingerprint=deployment["fingerprint"],
    )
