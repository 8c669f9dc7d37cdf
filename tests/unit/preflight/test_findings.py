"""What preflight makes of what it finds, the bad first."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.models.pool import Pool

from retraining.model.spec import ModelSpec
from retraining.preflight import findings
from retraining.preflight.__main__ import pool
from retraining.preflight.findings import Finding, State, table
from retraining.preflight.sdk import sdk_interpreter
from tests.unit.conftest import PROJECT

TODAY = date(2013, 5, 29)
TRAINING, SERVING = "ml.m5.xlarge for training job usage", "ml.m5.large for endpoint usage"


def days(first: date, last: date) -> set[date]:
    return {first + timedelta(days=number) for number in range((last - first).days + 1)}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("ROLLBACK_COMPLETE", State.PROBLEM),
        ("UPDATE_ROLLBACK_FAILED", State.PROBLEM),
        ("DELETE_IN_PROGRESS", State.UNKNOWN),
        ("UPDATE_ROLLBACK_COMPLETE", State.FINE),
        ("CREATE_COMPLETE", State.FINE),
    ],
)
def test_stack_status(status: str, state: State) -> None:
    assert findings.stack_status("my-stack", status).state is state


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ({"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}}, State.PROBLEM),
        ({"Effect": "Deny", "Principal": {"Service": "states.amazonaws.com"}}, State.PROBLEM),
        ({"Effect": "Allow", "Principal": "*"}, State.PROBLEM),
        ({"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}}, State.FINE),
        (
            {"Effect": "Allow", "Principal": {"Service": ["glue.amazonaws.com", "states.amazonaws.com"]}},
            State.FINE,
        ),
    ],
)
def test_role_trust(statement: dict[str, Any], state: State) -> None:
    assert findings.role_trust("a-role", {"Statement": [statement]}, "states.amazonaws.com").state is state


@pytest.mark.parametrize(
    ("values", "states", "said"),
    [
        ({}, [State.UNKNOWN, State.UNKNOWN], "no 'ml.m5.xlarge for training job usage'"),
        ({TRAINING: 0, SERVING: 9}, [State.PROBLEM, State.FINE], "ask for at least 1"),
        # The old instances serve until the new ones do.
        ({TRAINING: 9, SERVING: 1}, [State.FINE, State.PROBLEM], "1, 2 needed"),
        ({TRAINING: 2, SERVING: 2}, [State.FINE, State.FINE], "2 of 4 for 4 runs at once"),
        ({TRAINING: 4, SERVING: 2}, [State.FINE, State.FINE], "ml.m5.xlarge for training job usage: 4"),
    ],
)
def test_quotas(spec: ModelSpec, values: dict[str, float], states: list[State], said: str) -> None:
    found = list(findings.quotas(spec, values))
    assert [finding.state for finding in found] == states
    assert any(said in line for line in table(found))


@pytest.mark.parametrize(
    ("there", "state", "said"),
    [
        (set(), State.PROBLEM, "nothing since 2013-05-01"),
        ({date(2013, 4, 30)}, State.PROBLEM, "the newest is of 2013-04-30"),
        (days(date(2013, 5, 1), date(2013, 5, 27)), State.PROBLEM, "nothing after 2013-05-27"),
        (days(date(2013, 5, 3), date(2013, 5, 28)), State.UNKNOWN, "2 of 28 days are missing: 2013-05-01"),
        # Today's partition comes with its first row.
        (days(date(2013, 5, 1), date(2013, 5, 28)), State.FINE, "every day from 2013-05-01 to 2013-05-28"),
        (days(date(2013, 1, 1), date(2013, 5, 29)), State.FINE, "every day from 2013-05-01 to 2013-05-29"),
    ],
)
def test_data_of_the_next_window(spec: ModelSpec, there: set[date], state: State, said: str) -> None:
    found = findings.data(spec, map(str, there), TODAY)
    assert found.state is state
    assert said in found.detail


@pytest.mark.parametrize("value", ["__HIVE_DEFAULT_PARTITION__", "2013-02-30", "20130520", "2013-W21-1", ""])
def test_a_partition_that_is_no_date_is_named_and_hides_no_other(spec: ModelSpec, value: str) -> None:
    there = map(str, days(date(2013, 5, 1), date(2013, 5, 28)))
    found = findings.data(spec, [value, *there], TODAY)
    assert found.state is State.FINE
    assert found.detail.startswith("data/flights/date=*: every day from 2013-05-01 to 2013-05-28; never read")
    assert found.detail.endswith(f": {value}")
    assert findings.data(spec, [value], TODAY).state is State.PROBLEM


def test_the_table_is_aligned_and_says_what_to_do() -> None:
    lines = table(
        [
            Finding("stack", State.PROBLEM, "is gone", "make it"),
            Finding("deployments", State.FINE, "is there"),
        ]
    )
    assert lines == [
        "stack        PROBLEM  is gone",
        "                      -> make it",
        "deployments  fine     is there",
    ]


@pytest.mark.parametrize(
    ("slots", "state", "said"),
    [(None, State.PROBLEM, "a_pool does not exist"), (8, State.FINE, "a_pool, 8 slots")],
)
def test_a_pool_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, slots: int | None, state: State, said: str
) -> None:
    monkeypatch.setattr(Pool, "get_pool", lambda _: slots and SimpleNamespace(slots=slots))
    found = pool("a_pool")
    assert (found.what, found.state, found.detail) == ("pool", state, said)


def sdk_with(folder: Path, script: str) -> Path:
    python = folder / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    return python


def test_sdk_interpreter_that_is_missing(tmp_path: Path) -> None:
    found = sdk_interpreter(tmp_path / "bin" / "python", PROJECT / "requirements-sdk.txt")
    assert found.state is State.PROBLEM
    assert "does not exist" in found.detail


def test_sdk_interpreter_that_is_not_needed(tmp_path: Path) -> None:
    found = sdk_interpreter(tmp_path / "none", tmp_path / "requirements-sdk.txt", is_needed=False)
    assert found.state is State.FINE
    assert "came here compiled" in found.detail


def test_pins_that_are_missing(tmp_path: Path) -> None:
    found = sdk_interpreter(sdk_with(tmp_path, "exit 0"), tmp_path / "requirements-sdk.txt")
    assert found.state is State.PROBLEM
    assert "requirements-sdk.txt does not exist" in found.detail


def test_sdk_interpreter_that_does_not_run(tmp_path: Path) -> None:
    found = sdk_interpreter(sdk_with(tmp_path, "exit 3"), PROJECT / "requirements-sdk.txt")
    assert found.state is State.PROBLEM
    assert "does not run" in found.detail


def test_sdk_interpreter_with_other_versions_than_pinned(tmp_path: Path) -> None:
    pins = tmp_path / "requirements-sdk.txt"
    pins.write_text(
        "# pins\nstepfunctions==2.3.0\n    # via -r x.in\nsage_maker==2.257.7\n"
        "colorama==0.4.6 ; sys_platform == 'win32'\nattrs==25.4.0\n"
    )
    answer = '{"stepfunctions": "2.3.0", "Sage.Maker": "2.0"}'
    found = sdk_interpreter(sdk_with(tmp_path, f"echo '{answer}'"), pins)
    assert found.state is State.PROBLEM
    assert "has sage-maker 2.0 instead of 2.257.7, attrs missing instead of 25.4.0" in found.detail


def test_the_projects_own_sdk_interpreter_is_as_pinned() -> None:
    found = sdk_interpreter(PROJECT / ".venv-sdk" / "bin" / "python", PROJECT / "requirements-sdk.txt")
    assert found == Finding("SDK interpreter", State.FINE, "stepfunctions 2.3.0, sagemaker 2.257.7")
