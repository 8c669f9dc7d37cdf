"""What a person may vary for a run is checked, by the form's schema and by the library alike."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraining.errors import RunConfigError
from retraining.run_config import RunConfig, params_schema
from retraining.spec import ModelSpec

PARAMS: dict[str, Any] = {
    "threshold": 0.1,
    "window_days": 28,
    "deploy_policy": "auto",
    "endpoint": "flight-delay",
}


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
        ("deploy_policy", "always"),
        ("deploy_policy", None),
        ("endpoint", ""),
        ("endpoint", "a_b"),
        ("endpoint", "a\n"),
        ("endpoint", "a" * 64),
        ("endpoint", 7),
    ],
)
def test_bad_param_is_named_with_its_value(field: str, value: object) -> None:
    with pytest.raises(RunConfigError) as refused:
        RunConfig.from_params(PARAMS | {field: value})
    assert str(refused.value).startswith(f"{field}: ")
    assert str(refused.value).endswith(f"but is {value!r}")


@pytest.mark.parametrize(
    ("policy", "run_type", "resolved"),
    [
        ("auto", "scheduled", "force"),
        ("auto", "manual", "force"),
        ("auto", "backfill", "never"),
        ("force", "backfill", "force"),
        ("never", "manual", "never"),
    ],
)
def test_backfills_leave_the_endpoint_alone_unless_told(policy: Any, run_type: str, resolved: str) -> None:
    assert RunConfig.from_params(PARAMS | {"deploy_policy": policy}).deploys(run_type) == resolved


def test_defaults_are_the_models(spec: ModelSpec) -> None:
    schema = params_schema(spec)
    assert {name: field["default"] for name, field in schema.items()} == PARAMS
    assert all(field["description"] for field in schema.values())


def test_window_must_leave_rows_to_train_on(spec: ModelSpec) -> None:
    assert params_schema(spec)["window_days"]["minimum"] == spec.validation_days + 1


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


@given(st.sampled_from(sorted(PARAMS)), anything)
def test_what_the_form_lets_through_the_library_takes(field: str, value: object) -> None:
    """The schema is checked by Airflow, the model by the operators: neither may be the laxer one."""
    schema = RunConfig.model_json_schema()["properties"][field]
    try:
        jsonschema.validate(value, schema)
    except jsonschema.ValidationError:
        return
    RunConfig.from_params(PARAMS | {field: value})
