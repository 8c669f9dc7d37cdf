"""Which model an endpoint goes back to, and what is said when there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from airflow.sdk.definitions.param import Param

from retraining.deployment.hold import Hold
from retraining.deployment.rollback import (
    AcceptedModel,
    RollbackConfig,
    choose_model,
    rollback_input,
    rollback_schema,
)
from retraining.errors import RunConfigError
from retraining.model.spec import ModelSpec

DEPLOYMENT = {
    "state_machine": "arn:aws:states:eu-west-1:123456789012:stateMachine:s-flight_delay:3",
    "fingerprint": "f" * 64,
    "endpoint_test_function": "test",
    "deployment_function": "decide",
    "deployments_table": "deployments",
}


def model(name: str, hour: int, endpoint: str = "flight-delay") -> AcceptedModel:
    return AcceptedModel(
        name, name, "2013-04-01T00:00:00Z", f"2013-05-01T{hour:02}:00:00Z", endpoint, metric="0.08"
    )


MODELS = [model("m3", 3), model("m1", 1), model("m2", 2), model("canary", 2, "canary")]


def chosen(spec: ModelSpec, served: str | None = "m3", **params: Any) -> str:
    return choose_model(MODELS, RollbackConfig.from_params(params, spec), served, "prod").name


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"to_model": "a b"}, "to_model: .*pattern.*'a b'"),
        ({"to_window_end": "2013-05-01T00:00"}, "to_window_end: must be a date-time .*UTC offset"),
        ({"to_model": "m1", "to_window_end": "2013-05-01T01:00Z"}, "to_model or to_window_end, not both"),
        ({"endpoint": ""}, "endpoint: .*''"),
        ({"to": "m1"}, "to: unknown field; allowed are to_model, to_window_end, hold, reason, endpoint"),
        ({"hold": "perhaps"}, "hold: .*'perhaps'"),
        ({"reason": "x" * 501}, "reason: .*at most 500"),
    ],
)
def test_bad_params_are_named(spec: ModelSpec, params: dict[str, Any], message: str) -> None:
    with pytest.raises(RunConfigError, match=message):
        RollbackConfig.from_params(params, spec)


@pytest.mark.parametrize(
    ("served", "params", "message"),
    [
        ("m3", {"to_model": "m9"}, "to_model: 'm9' is no accepted model"),
        ("m3", {"to_window_end": "2013-05-01T09:00:00Z"}, "for flight-delay .* 2013-05-01T09:00:00Z"),
        ("m1", {}, "no model was accepted for flight-delay before m1 "),
        (None, {}, "'flight-delay' serves nothing, which is no accepted model; name to_model or"),
        ("by-hand", {}, "'flight-delay' serves by-hand, which is no accepted model"),
    ],
)
def test_no_such_model_lists_those_there_are(
    spec: ModelSpec, served: str | None, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(RunConfigError, match=message) as error:
        chosen(spec, served, **params)
    listed = str(error.value).splitlines()[1:]
    assert listed[0] == "  m3 (window to 2013-05-01T03:00:00Z, for flight-delay, metric 0.08)"
    assert [line.split()[0] for line in listed] == ["m3", "m2", "canary", "m1"]


def test_a_long_list_is_cut(spec: ModelSpec) -> None:
    models = [model(f"m{number}", number % 24) for number in range(30)]
    with pytest.raises(RunConfigError, match="and 10 older ones"):
        choose_model(models, RollbackConfig.from_params({"to_model": "m99"}, spec), "m1", "prod")
    with pytest.raises(RunConfigError, match="none"):
        choose_model([], RollbackConfig.from_params({}, spec), "m1", "prod")


def test_the_model_before_the_one_served_is_the_default(spec: ModelSpec) -> None:
    assert chosen(spec) == "m2"
    assert chosen(spec, "m2") == "m1"


def test_a_model_is_found_by_name_whatever_endpoint_it_was_for(spec: ModelSpec) -> None:
    assert chosen(spec, to_model="m1") == "m1"
    assert chosen(spec, None, to_model="canary") == "canary"


def test_a_model_is_found_by_its_windows_end_in_any_zone(spec: ModelSpec) -> None:
    assert chosen(spec, None, to_window_end="2013-05-01T04:00:00+02:00") == "m2"
    assert chosen(spec, None, to_window_end="2013-05-01T02:00:00Z", endpoint="canary") == "canary"


def test_two_models_of_one_window_have_to_be_told_apart(spec: ModelSpec) -> None:
    models = [*MODELS, model("m2-again", 2)]
    config = RollbackConfig.from_params({"to_window_end": "2013-05-01T02:00:00Z"}, spec)
    with pytest.raises(RunConfigError, match="name to_model") as error:
        choose_model(models, config, "m3", "prod")
    assert [line.split()[0] for line in str(error.value).splitlines()[1:]] == ["m2", "m2-again"]


def test_another_stacks_models_are_not_gone_back_to(spec: ModelSpec) -> None:
    ours, theirs = replace(model("ours", 1), stack="prod"), replace(model("theirs", 2), stack="prod-test")
    accepted = [*MODELS, ours, theirs]

    def choice(served: str, **params: str) -> str:
        config = RollbackConfig.from_params({**params, "endpoint": "flight-delay"}, spec)
        return choose_model(accepted, config, served, "prod").name

    assert choice("m2") in ("m1", "ours")
    assert choice("m3", to_model="ours") == "ours"
    with pytest.raises(
        RunConfigError, match="'theirs' is no accepted model of stack 'prod', but of 'prod-test'"
    ):
        choice("m3", to_model="theirs")
    with pytest.raises(RunConfigError, match="serves theirs, which is no accepted model"):
        choice("theirs")


def test_the_input_redeploys_the_old_run(spec: ModelSpec) -> None:
    given = rollback_input(
        name="rollback-1",
        model=model("m1", 1),
        config=RollbackConfig.from_params({}, spec),
        served="m3",
        hold=Hold("ada", "an incident", "2013-05-02T10:00:00Z"),
        dag_id="flight_delay_rollback",
        run_id="manual__1&2",
        spec=spec,
        deployment=DEPLOYMENT,
    )
    assert given.to_dict() == {
        "Redeploy": True,
        "TrainingJobName": "m1",
        "ModelName": "m1",
        "EndpointConfigName": "rollback-1",
        "EndpointName": "flight-delay",
        "EndpointTestFunctionName": "test",
        "DeploymentFunctionName": "decide",
        "DeploymentsTable": "deployments",
        "WindowStart": "2013-04-01T00:00:00Z",
        "WindowEnd": "2013-05-01T01:00:00Z",
        "AsOf": "2013-05-01T01:00:00Z",
        "Threshold": 0.1,
        "DeployPolicy": "force",
        "Hold": {"by": "ada", "reason": "an incident", "since": "2013-05-02T10:00:00Z"},
        "DagId": "flight_delay_rollback",
        "RunId": "manual__1_2",
        "Fingerprint": "f" * 64,
        "ReplacedModel": "m3",
    }


def test_the_forms_defaults_are_valid(spec: ModelSpec) -> None:
    schema = rollback_schema(spec)
    defaults = {name: Param(**field).resolve() for name, field in schema.items()}
    assert defaults == {
        "to_model": None,
        "to_window_end": None,
        "hold": True,
        "reason": None,
        "endpoint": "flight-delay",
    }
    assert RollbackConfig.from_params(defaults, spec).is_explicit is False
    assert all("description" in field for field in schema.values())
