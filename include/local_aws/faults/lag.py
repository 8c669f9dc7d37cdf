"""Reads that are behind: while a request is answered by one, what happened a moment ago has not happened yet.

Step Functions: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-read-consistency.html, and "This
operation is eventually consistent" in the references of DescribeExecution, ListExecutions and
DescribeStateMachine. SageMaker: the notes on DynamoDB's reads in the references of CreateEndpoint and
CreateEndpointConfig.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

# What can be behind; a fault for anything else would do nothing.
OPERATIONS = (
    "resourcegroupstaggingapi.GetResources",
    "sagemaker.CreateEndpoint",
    "sagemaker.CreateEndpointConfig",
    "sagemaker.DescribeEndpoint",
    "sagemaker.ListEndpointConfigs",
    "sagemaker.ListEndpoints",
    "sagemaker.ListModels",
    "sagemaker.ListTrainingJobs",
    "sagemaker.UpdateEndpoint",
    "stepfunctions.DescribeExecution",
    "stepfunctions.DescribeStateMachine",
    "stepfunctions.GetExecutionHistory",
    "stepfunctions.ListExecutions",
    "stepfunctions.StartExecution",
)

_seconds: ContextVar[float] = ContextVar("seconds", default=0.0)


@contextmanager
def behind(seconds: float) -> Iterator[None]:
    """Answer a request, in this thread, as of so many seconds ago."""
    token = _seconds.set(seconds)
    try:
        yield
    finally:
        _seconds.reset(token)


def as_of() -> datetime | None:
    """The moment that the request being answered sees; None is now."""
    seconds = _seconds.get()
    return datetime.now(UTC) - timedelta(seconds=seconds) if seconds else None


def is_seen(since: datetime) -> bool:
    """
    Whether the request being answered sees what is there since then.

    :param since: moto's own times are naive UTC.
    """
    moment = as_of()
    return moment is None or _utc(since) <= moment


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Past:
    """What a thing was, and from when on: what changes it notes every state that it enters."""

    def __init__(self) -> None:
        self._states: list[tuple[datetime, dict[str, Any]]] = []
        self._lock = threading.Lock()

    @property
    def noted(self) -> bool:
        """Whether any state was."""
        return bool(self._states)

    def note(self, state: dict[str, Any], since: datetime | None = None) -> None:
        """
        Keep a state.

        :param since: when it was entered; now unless given.
        """
        with self._lock:
            self._states.append((_utc(since) if since else datetime.now(UTC), state))

    def seen(self) -> dict[str, Any] | None:
        """The state that the request being answered sees; None when there was none yet."""
        moment = as_of()
        with self._lock:
            found = [state for since, state in self._states if moment is None or since <= moment]
        return found[-1] if found else None


class Gone:
    """What was deleted, for the lists that do not know of it yet."""

    def __init__(self) -> None:
        self._things: list[tuple[datetime, Any]] = []
        self._lock = threading.Lock()

    def add(self, thing: Any) -> None:
        """Keep a thing that is deleted now."""
        with self._lock:
            self._things.append((datetime.now(UTC), thing))

    def seen(self) -> list[Any]:
        """What the request being answered still sees."""
        moment = as_of()
        if moment is None:
            return []
        with self._lock:
            return [thing for when, thing in self._things if when > moment]
