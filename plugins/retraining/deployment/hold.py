"""Holding: a person's word that an endpoint stays with its model until it is released."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol, Self

from pydantic import Field, WithJsonSchema

from retraining.execution.window import iso
from retraining.model.spec import ENDPOINT_NAME, ModelSpec

MAX_REASON = 500
_REASON_SCHEMA = {"type": ["null", "string"], "maxLength": MAX_REASON}
_WHY = "Why the endpoint is held; it stands in the reports of the retrains that meet it."
Reason = Annotated[str | None, WithJsonSchema(_REASON_SCHEMA), Field(max_length=MAX_REASON, description=_WHY)]


class Run(Protocol):
    """What a hold needs to know of a DAG run; Airflow's own DagRun does."""

    @property
    def run_id(self) -> str: ...
    @property
    def start_date(self) -> datetime | None: ...
    @property
    def run_after(self) -> datetime: ...
    @property
    def triggering_user_name(self) -> str | None: ...


@dataclass(frozen=True)
class Hold:
    """Who holds an endpoint, why and since when.

    :param by: the user who triggered the run that holds it; the run's id where Airflow knows of none.
    :param since: when that run began, ISO 8601 UTC: the same however often its tasks are tried.
    """

    by: str
    reason: str
    since: str

    @classmethod
    def of(cls, run: Run, reason: str) -> Self:
        """Hold in the name of who triggered a run; of a long reason the beginning is kept.

        It goes with each execution that meets it, whose data Step Functions bounds.
        """
        return cls(
            run.triggering_user_name or run.run_id, reason[:MAX_REASON], iso(run.start_date or run.run_after)
        )

    def __str__(self) -> str:
        return f"by {self.by} since {self.since}: {self.reason}"

    def to_dict(self) -> dict[str, str]:
        """Give it as an execution's input has it."""
        return asdict(self)


def endpoint_schema(spec: ModelSpec) -> dict[str, Any]:
    """JSON schema of the param that says which endpoint is held or released, with its default."""
    description = "SageMaker endpoint, the model's own unless another is named."
    return {"type": "string", "pattern": ENDPOINT_NAME, "default": spec.endpoint, "description": description}


def hold_schema(spec: ModelSpec) -> Mapping[str, dict[str, Any]]:
    """JSON schema of a hold's params by name, each with its default."""
    return {
        "reason": {**_REASON_SCHEMA, "default": None, "description": _WHY},
        "endpoint": endpoint_schema(spec),
    }
