"""What an execution of a model's state machine is given: written and read here, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args, get_origin, get_type_hints


@dataclass(frozen=True, kw_only=True)
class ExecutionInput:
    """The input, whose fields Step Functions has in ``PascalCase``; what is None is not there.

    Only what every execution has had is never None: those that began before an upgrade are read, too.

    :param training_job_name: the retrain's name; its training jobs have a number behind it.
    :param model_name: the model that it makes, or that is there already, with ``redeploy``.
    :param window_start: start of the half-open window [window_start, window_end), ISO 8601 UTC.
    :param validation_start: where the part begins that validates.
    :param as_of: only what was known by then is learnt from.
    :param deploy_policy: ``if_newer``, ``force`` or ``never``.
    :param beat_champion_by: the margin by which the champion must be beaten, None for not at all.
    :param redeploy: whether to deploy only, what another execution has trained.
    :param replaced_model: the model that the endpoint served before it was rolled back.
    :param hold: what takes the place of a hold on the endpoint (``by``, ``reason``, ``since``) where it is
        rolled back; empty to release it. None keeps to it.
    :param run_started: tells the DAG run from another Airflow's of the same name, as ``dag_version`` does.
    """

    training_job_name: str
    model_name: str
    endpoint_name: str
    window_start: str
    window_end: str
    threshold: float
    glue_job_name: str | None = None
    endpoint_config_name: str | None = None
    lambda_function_name: str | None = None
    endpoint_test_function_name: str | None = None
    deployment_function_name: str | None = None
    deployments_table: str | None = None
    validation_start: str | None = None
    as_of: str | None = None
    deploy_policy: str | None = None
    beat_champion_by: float | None = None
    training_instance_type: str | None = None
    hyperparameters: dict[str, str] | None = None
    dag_id: str | None = None
    run_id: str | None = None
    fingerprint: str | None = None
    redeploy: bool | None = None
    replaced_model: str | None = None
    hold: dict[str, str] | None = None
    run_started: str | None = None
    dag_version: str | None = None

    @classmethod
    def of(cls, execution: Mapping[str, Any]) -> ExecutionInput:
        """Read the input of an execution.

        :param execution: as DescribeExecution describes it.
        """
        given = json.loads(execution["input"])
        # What a person starts by hand may have anything as its input.
        return cls.from_dict(given if isinstance(given, Mapping) else {})

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> ExecutionInput:
        """Read what :meth:`to_dict` gives; what is not known is left out."""
        found: dict[str, Any] = {field.name: given.get(_key(field.name)) for field in fields(cls)}
        return cls(**found)

    def to_dict(self) -> dict[str, Any]:
        """Give the input as Step Functions has it."""
        return {_key(name): value for name, value in asdict(self).items() if value is not None}


def schema() -> dict[str, type]:
    """The types of the fields, as the SDK's ExecutionInput takes them."""
    return {_key(name): _type(hint) for name, hint in get_type_hints(ExecutionInput).items()}


def _type(hint: Any) -> type:
    """The type without its None, and of a dictionary without that of its items."""
    told = next((one for one in get_args(hint) if type(None) in get_args(hint)), hint)
    found: type = get_origin(told) or told
    return found


def _key(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
