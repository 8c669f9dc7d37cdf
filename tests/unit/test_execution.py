"""One run has one name and one window, and nothing invalid becomes an execution's input."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraining.errors import RunConfigError
from retraining.execution import Window, execution_input, execution_name, iso
from retraining.run_config import RunConfig
from retraining.spec import ModelSpec

PARAMS: dict[str, Any] = {
    "threshold": 0.1,
    "window_days": 28,
    "deploy_policy": "auto",
    "endpoint": "flight-delay",
}


@given(st.text(), st.text(), st.integers(1, 1000))
def test_names_are_valid_for_step_functions_and_sagemaker(dag_id: str, run_id: str, attempt: int) -> None:
    name = execution_name(dag_id, run_id, attempt)
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name)
    assert name == execution_name(dag_id, run_id, attempt)


def test_runs_that_read_alike_have_different_names() -> None:
    names = {
        execution_name(dag, run, attempt)
        for dag, run, attempt in [
            ("d", "a:b", 1),
            ("d", "a-b", 1),
            ("d-a", "b", 1),
            ("d", "a:b", 2),
            ("d", "x" * 100 + "1", 1),
            ("d", "x" * 100 + "2", 1),
        ]
    }
    assert len(names) == 6


def test_a_name_reads_as_dag_and_run() -> None:
    name = execution_name("flight_delay_retraining", "scheduled__2013-05-01T00:00:00+00:00")
    assert name.startswith("flight-delay-retraining-scheduled-2013-05-01T00-00-0")


def test_window_ends_with_the_interval_and_its_last_days_validate(spec: ModelSpec) -> None:
    end = datetime(2013, 5, 1, 12, tzinfo=UTC)
    window = Window.ending(end, spec, 28)
    assert (window.start, window.validation_start, window.end) == (
        datetime(2013, 4, 3, 12, tzinfo=UTC),
        datetime(2013, 4, 24, 12, tzinfo=UTC),
        end,
    )


@pytest.mark.parametrize("days", [-1, 0, 7, 367])
def test_window_that_is_all_validation_or_endless(spec: ModelSpec, days: int) -> None:
    with pytest.raises(RunConfigError, match=f"window_days: {days} must be between 8 and 366"):
        Window.ending(datetime(2013, 5, 1, tzinfo=UTC), spec, days)


def test_moments_are_written_in_utc() -> None:
    berlin = timezone(timedelta(hours=2))
    assert iso(datetime(2013, 5, 1, 1, 30, tzinfo=berlin)) == "2013-04-30T23:30:00Z"


def test_input_has_the_articles_five_names_the_window_and_the_choices(spec: ModelSpec) -> None:
    window = Window.ending(datetime(2013, 5, 1, tzinfo=UTC), spec, 28)
    made = execution_input(
        name="a-name",
        window=window,
        config=RunConfig.from_params(PARAMS | {"threshold": 0}),
        run_type="backfill",
        glue_job="etl",
        metrics_function="metrics",
    )
    assert made == {
        "TrainingJobName": "a-name",
        "GlueJobName": "etl",
        "ModelName": "a-name",
        "EndpointName": "flight-delay",
        "LambdaFunctionName": "metrics",
        "WindowStart": "2013-04-03T00:00:00Z",
        "ValidationStart": "2013-04-24T00:00:00Z",
        "WindowEnd": "2013-05-01T00:00:00Z",
        "Threshold": 0.0,
        "DeployPolicy": "never",
    }
