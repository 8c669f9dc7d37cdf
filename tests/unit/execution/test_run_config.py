"""What a person may vary for a run is checked, by the form's schema and by the library alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from retraining.errors import RunConfigError
from retraining.execution.run_config import RunConfig, params_schema
from retraining.model.hyperparameters import Hyperparameters
from retraining.model.spec import ModelSpec
from tests.unit.conftest import FLIGHT_DELAY_SPEC

DEFAULTS: dict[str, Any] = {
    "threshold": 0.1,
    "window_start": None,
    "window_days": None,
    "window_end": None,
    "as_of": None,
    "deploy_policy": "auto",
    "endpoint": "flight-delay",
    "training_instance_type": "ml.m5.xlarge",
    "hyperparameters": {},
}
MAY = "2013-05-01T00:00:00Z"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("threshold", -0.1),
        ("threshold", 1.01),
        ("threshold", float("nan")),
        ("threshold", True),
        ("threshold", "0.1"),
        ("threshold", None),
        ("window_days", 28.5),
        ("window_days", True),
        ("window_days", 1),
        ("window_start", "2013-05-01"),
        ("window_start", "2013-05-01T00:00:00"),
        ("window_start", "2013-02-30T00:00:00Z"),
        ("window_start", "0001-01-01T00:00:00+14:00"),
        ("window_start", "9999-12-31T23:59:59-14:00"),
        ("window_end", 1367366400),
        ("window_end", "1367366400"),
        ("window_end", MAY + "\n"),
        ("window_end", ""),
        ("as_of", "2013-05-01"),
        ("deploy_policy", "always"),
        ("deploy_policy", None),
        ("endpoint", ""),
        ("endpoint", "a_b"),
        ("endpoint", "a\n"),
        ("endpoint", "a" * 64),
        ("endpoint", 7),
        ("training_instance_type", "m5.xlarge"),
        ("training_instance_type", None),
        ("hyperparameters", None),
        ("hyperparameters", [1]),
    ],
)
def test_bad_param_is_named_with_its_value(spec: ModelSpec, field: str, value: object) -> None:
    with pytest.raises(RunConfigError) as refused:
        RunConfig.from_params({field: value}, spec)
    assert str(refused.value).startswith(f"{field}: ")
    assert str(refused.value).endswith(f"but is {value!r}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("eta", 1.1),
        ("eta", True),
        ("eta", None),
        ("eta", float("inf")),
        ("max_depth", 2.5),
        ("max_depth", "deep"),
        ("max_depth", 2**31),
        ("gamma", 10**400),
        ("num_round", 0),
        ("subsample", 0),
        ("objective", "binary:logistics"),
        ("eval_metric", "error, auc"),
    ],
)
def test_bad_hyperparameter_is_named_with_its_value(spec: ModelSpec, name: str, value: object) -> None:
    with pytest.raises(RunConfigError) as refused:
        RunConfig.from_params({"hyperparameters": {name: value}}, spec)
    assert str(refused.value).startswith(f"hyperparameters.{name}: ")
    assert str(refused.value).endswith(f"but is {value!r}")


def test_unknown_hyperparameter_and_param_are_answered_with_the_known_ones(spec: ModelSpec) -> None:
    with pytest.raises(RunConfigError) as refused:
        RunConfig.from_params({"treshold": 0.2, "hyperparameters": {"depth": 3}}, spec)
    lines = sorted(str(refused.value).splitlines())
    assert lines[0].startswith("hyperparameters.depth: unknown field; allowed are num_round, objective")
    assert lines[1].startswith("treshold: unknown field; allowed are threshold, window_start")


def test_a_number_may_be_written_as_sagemaker_writes_it(spec: ModelSpec) -> None:
    config = RunConfig.from_params({"hyperparameters": {"eta": "0.2", "max_depth": 3.0}}, spec)
    assert config.hyperparameters == {"eta": 0.2, "max_depth": 3}


def test_moments_are_taken_to_utc_and_whole_seconds(spec: ModelSpec) -> None:
    config = RunConfig.from_params({"window_end": "2013-05-01T02:00:00.987+02:00"}, spec)
    assert config.window_end == datetime(2013, 5, 1, tzinfo=UTC)


def test_window_has_one_start(spec: ModelSpec) -> None:
    with pytest.raises(RunConfigError, match=r"^window_start: give window_start or window_days, not both"):
        RunConfig.from_params({"window_start": MAY, "window_days": 28}, spec)


@pytest.mark.parametrize("end", [MAY, "2013-04-30T23:59:59Z", "2013-05-01T01:00:00+02:00"])
def test_window_ends_after_its_start(spec: ModelSpec, end: str) -> None:
    with pytest.raises(RunConfigError, match=r"^window_start: 2013-05-01.* must be before window_end"):
        RunConfig.from_params({"window_start": MAY, "window_end": end}, spec)


@pytest.mark.parametrize(
    ("policy", "run_type", "resolved"),
    [
        ("auto", "scheduled", "if_newer"),
        ("auto", "manual", "if_newer"),
        ("auto", "asset_triggered", "if_newer"),
        ("auto", "backfill", "never"),
        ("if_newer", "backfill", "if_newer"),
        ("force", "backfill", "force"),
        ("never", "manual", "never"),
    ],
)
def test_backfills_leave_the_endpoint_alone_unless_told(
    spec: ModelSpec, policy: Any, run_type: str, resolved: str
) -> None:
    assert RunConfig.from_params({"deploy_policy": policy}, spec).deploys(run_type) == resolved


def test_defaults_are_the_models_and_described(spec: ModelSpec) -> None:
    schema = params_schema(spec)
    assert {name: field["default"] for name, field in schema.items()} == DEFAULTS
    assert all(field["description"] for field in schema.values())
    assert RunConfig.from_params({}, spec) == RunConfig.from_params(DEFAULTS, spec)


def test_the_form_shows_each_param_for_what_it_is(spec: ModelSpec) -> None:
    schema = params_schema(spec)
    assert schema["window_days"]["minimum"] == spec.validation_days + 1
    assert "Empty: 28" in schema["window_days"]["description"]
    # Airflow's form: "null" in a list of types makes a field optional, the format makes a date picker.
    assert schema["window_end"]["type"] == ["null", "string"]
    assert schema["window_end"]["format"] == "date-time"
    assert schema["deploy_policy"]["enum"] == ["auto", "if_newer", "never", "force"]
    assert schema["hyperparameters"]["type"] == "object"
    with pytest.raises(jsonschema.ValidationError, match=r"'depth' is not one of \['num_round'"):
        jsonschema.validate({"depth": 1}, schema["hyperparameters"])
    with pytest.raises(RunConfigError, match=r"hyperparameters\.eta: .*less than or equal to 1, but is 5"):
        RunConfig.from_params({"hyperparameters": {"eta": 5}}, spec)


SCHEMA = params_schema(FLIGHT_DELAY_SPEC)
RANGES = TypeAdapter(Hyperparameters).json_schema()
moments = st.datetimes(timezones=st.timezones()).map(datetime.isoformat) | st.just(MAY)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | moments
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
        | st.dictionaries(st.sampled_from(sorted(RANGES["properties"])), inner | st.just("1"), max_size=2)
    ),
    max_leaves=3,
)


@given(st.dictionaries(st.sampled_from(sorted(DEFAULTS)), anything, max_size=3))
def test_what_the_form_lets_through_the_library_takes_or_refuses_by_name(conf: dict[str, Any]) -> None:
    """The schema is checked by Airflow, the model by the operators: nothing invalid gets past both."""
    for field, value in conf.items():
        try:
            jsonschema.validate(value, SCHEMA[field])
        except jsonschema.ValidationError:
            return
    try:
        config = RunConfig.from_params(conf, FLIGHT_DELAY_SPEC)
    except RunConfigError as refused:
        for line in str(refused).splitlines():
            assert line.partition(":")[0].partition(".")[0] in conf
        return
    for name, value in config.hyperparameters.items():
        jsonschema.validate(value, RANGES["properties"][name])
