"""In whose name an endpoint is held, and what the forms offer."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from airflow.sdk.definitions.param import Param
from airflow.sdk.exceptions import ParamValidationError

from retraining.deployment.hold import Hold, hold_schema
from retraining.model.spec import ModelSpec

STARTED = datetime(2013, 5, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(("user", "by"), [("ada", "ada"), (None, "manual__1"), ("", "manual__1")])
def test_the_user_who_triggered_the_run_holds_or_else_the_run(user: str | None, by: str) -> None:
    run = SimpleNamespace(run_id="manual__1", start_date=STARTED, triggering_user_name=user)
    assert Hold.of(run, "an incident") == Hold(by, "an incident", "2013-05-02T10:00:00Z")


def test_a_reason_that_no_form_has_bounded_is_cut() -> None:
    run = SimpleNamespace(run_id="manual__1", start_date=STARTED, triggering_user_name="ada")
    assert Hold.of(run, "x" * 300_000).reason == "x" * 500


def test_a_hold_reads_as_a_sentence() -> None:
    assert str(Hold("ada", "an incident", "2013-05-02T10:00:00Z")) == (
        "by ada since 2013-05-02T10:00:00Z: an incident"
    )


def test_the_forms_defaults_are_valid_and_a_long_reason_is_not(spec: ModelSpec) -> None:
    schema = hold_schema(spec)
    defaults = {name: Param(**field).resolve() for name, field in schema.items()}
    assert defaults == {"reason": None, "endpoint": "flight-delay"}
    for name, value in (("reason", "x" * 501), ("endpoint", "a b")):
        with pytest.raises(ParamValidationError):
            Param(**schema[name]).resolve(value)
