"""What an execution's history tells, also of one that was redriven."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from retraining.execution.history import state_durations

START = datetime(2026, 1, 1, tzinfo=UTC)


def events(*told: tuple[float, str, str | None]) -> list[dict[str, Any]]:
    """Events as GetExecutionHistory gives them, from (second, type, state)."""
    history: list[dict[str, Any]] = []
    for second, kind, state in told:
        happened: dict[str, Any] = {"type": kind, "timestamp": START + timedelta(seconds=second)}
        if state:
            field = "stateEnteredEventDetails" if kind.endswith("Entered") else "stateExitedEventDetails"
            happened[field] = {"name": state}
        history.append(happened)
    return history


def test_states_that_are_entered_repeatedly_add_up() -> None:
    history = events(
        (0, "TaskStateEntered", "Check"),
        (1, "TaskStateExited", "Check"),
        (6, "TaskStateEntered", "Check"),
        (8.5, "TaskStateExited", "Check"),
    )
    assert state_durations(history) == {"Check": 3.5}


@pytest.mark.parametrize("end", ["ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"])
def test_a_state_that_was_never_left_counts_until_the_end(end: str) -> None:
    assert state_durations(events((0, "TaskStateEntered", "Train"), (3, end, None))) == {"Train": 3.0}


@pytest.mark.parametrize("entered_again", [True, False])
def test_the_time_between_failure_and_redrive_is_nobodys(entered_again: bool) -> None:
    again = [(100, "TaskStateEntered", "Train")] if entered_again else []
    history = events(
        (0, "TaskStateEntered", "Train"),
        (3, "ExecutionFailed", None),
        (100, "ExecutionRedriven", None),
        *again,
        (104, "TaskStateExited", "Train"),
    )
    assert state_durations(history) == {"Train": 7.0}
