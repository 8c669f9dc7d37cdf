"""JSONata in the fields of states: what it gives, and what a state says where it gives something else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.integration.embedded_aws import LocalAws
from tests.integration.state_machines import create_defined, ended, event_types, start

PASS: dict[str, Any] = {"Type": "Pass", "End": True}
CALL = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:listBuckets", "End": True}
EVALUATION = "States.QueryEvaluationError"


def _one(state: dict[str, Any], language: str = "JSONata", **more: Any) -> dict[str, Any]:
    return {"QueryLanguage": language, "StartAt": "A", "States": {"A": state, **more}}


def _map(**fields: Any) -> dict[str, Any]:
    processor = {"StartAt": "P", "States": {"P": fields.pop("inner", PASS)}}
    return {"Type": "Map", "Items": [1], "ItemProcessor": processor, "End": True, **fields}


def _run(aws: LocalAws, definition: dict[str, Any], given: object = None) -> dict[str, Any]:
    return ended(aws, start(aws, create_defined(aws, definition), given))


@pytest.mark.parametrize(
    ("state", "output"),
    [
        (_map(Items="{% $states.input.a %}", MaxConcurrency="{% $states.input.n %}"), [3, 4]),
        (_map(Items=[1, "{% $states.input.a[0] %}"]), [1, 3]),
        (
            _map(Items="{% $states.input.a %}", ItemSelector={"v": "{% $states.context.Map.Item.Value %}"}),
            [{"v": 3}, {"v": 4}],
        ),
        (_map(Items="{% $states.input.a %}", Output="{% $sum($states.result) %}"), 7),
        ({**CALL, "TimeoutSeconds": "{% $states.input.n * 20 %}", "Output": "{% 1 %}"}, 1),
        ({**CALL, "HeartbeatSeconds": "{% $states.input.n %}", "Output": "{% 1 %}"}, 1),
        ({**PASS, "Output": "{% $replace('aBb', /b+/i, 'Z') %}"}, "aZ"),
        ({**PASS, "Output": "{% $contains($states.input.s, /^x\\d{2}$/) %}"}, True),
        ({**PASS, "Output": {"a": "{% $split($states.input.s, /[,1] */) %}"}}, {"a": ["x", "2"]}),
        ({**PASS, "Output": "{% $match('xabb', /a(b+)/).groups %}"}, ["bb"]),
        ({**PASS, "Output": "{% $states.input.a.($ * 2) %}"}, [6, 8]),
        ({**PASS, "Output": "{% $random(5) = $random(5) and $random() < 1 %}"}, True),
        ({**PASS, "Output": "{% $parse('[1]') %}"}, [1]),
    ],
)
def test_a_field_takes_what_its_expression_gives(
    local_aws: LocalAws, state: dict[str, Any], output: object
) -> None:
    found = _run(local_aws, _one(state), {"a": [3, 4], "n": 1, "s": "x12"})
    assert found["status"] == "SUCCEEDED", (found.get("error"), found.get("cause"))
    assert json.loads(found["output"]) == output


UNEXPECTED = "returned an unexpected result type. Expected '{}', but was '{}' for value: {}"


@pytest.mark.parametrize(
    ("state", "field", "said"),
    [
        ({**PASS, "Output": {"a": "{% $nope %}"}}, "Output/a", "returned nothing (undefined)."),
        ({**PASS, "Output": {"a": ["{% $nope %}"]}}, "Output/a[0]", "returned nothing (undefined)."),
        ({**PASS, "Assign": {"a": "{% $nope %}"}}, "Assign/a", "returned nothing (undefined)."),
        (
            {**CALL, "Arguments": {"Prefix": "{% $nope(1) %}"}},
            "Arguments/Prefix",
            "threw an error during evaluation. T1006: Attempted to invoke a non-function",
        ),
        (
            {**CALL, "TimeoutSeconds": "{% 'a' %}"},
            "TimeoutSeconds",
            UNEXPECTED.format("number", "string", '"a"'),
        ),
        ({**CALL, "TimeoutSeconds": "{% -1 %}"}, "TimeoutSeconds", "returned a number that is not from 1"),
        (
            {**CALL, "HeartbeatSeconds": "{% null %}"},
            "HeartbeatSeconds",
            UNEXPECTED.format("number", "null", "null"),
        ),
        ({**PASS, "Output": "{% $eval('1') %}"}, "Output", "threw an error during evaluation. T1006"),
        (_map(MaxConcurrency="{% -1 %}"), "MaxConcurrency", "returned a number that is not from 0"),
        (_map(Items="{% {'a': 1} %}"), "Items", UNEXPECTED.format("array", "object", '{"a":1}')),
        (_map(inner={**PASS, "Output": "{% $nope %}"}), "Output", "returned nothing (undefined)."),
        (
            {"Type": "Choice", "Choices": [{"Condition": "{% 'x' %}", "Next": "B"}], "Default": "B"},
            "Choices[0]/Condition",
            UNEXPECTED.format("boolean", "string", '"x"'),
        ),
        ({"Type": "Wait", "Seconds": "{% 'x' %}", "End": True}, "Seconds", "Expected 'number'"),
        ({"Type": "Wait", "Timestamp": "{% 5 %}", "End": True}, "Timestamp", "Expected 'string'"),
        ({"Type": "Fail", "Error": "{% 5 %}"}, "Error", UNEXPECTED.format("string", "number", "5")),
    ],
)
def test_an_expression_that_gives_something_else_fails_its_state(
    local_aws: LocalAws, state: dict[str, Any], field: str, said: str
) -> None:
    more: dict[str, Any] = {"B": PASS} if state["Type"] == "Choice" else {}
    execution = start(local_aws, create_defined(local_aws, _one(state, **more)))
    found = ended(local_aws, execution)
    assert found["error"] == EVALUATION, found
    assert f"specified for the field '{field}' {said}" in found["cause"] or said in found["cause"]
    assert f"the field '{field}'" in found["cause"]
    assert found["cause"].count("An error occurred while executing the state") == 1
    assert event_types(local_aws, execution).count("EvaluationFailed") == 1


def test_a_failed_expression_can_be_caught(local_aws: LocalAws) -> None:
    catch = [{"ErrorEquals": [EVALUATION], "Next": "B"}]
    definition = _one({**CALL, "TimeoutSeconds": "{% 'a' %}", "Catch": catch}, B=PASS)
    found = _run(local_aws, definition)
    assert json.loads(found["output"])["Error"] == EVALUATION


def test_states_within_a_map_are_written_in_the_machines_language(local_aws: LocalAws) -> None:
    inner = {**PASS, "Parameters": {"x.$": "$"}}
    state = _map(Items="{% $states.input.a %}", QueryLanguage="JSONata", inner=inner)
    found = _run(local_aws, _one(state, "JSONPath"), {"a": [1]})
    assert json.loads(found["output"]) == [{"x": 1}]
    inner = {**PASS, "QueryLanguage": "JSONata", "Output": "{% $states.input * 2 %}"}
    state = _map(inner=inner)
    del state["Items"]
    assert json.loads(_run(local_aws, _one(state, "JSONPath"), [2])["output"]) == [4]


def test_a_processor_has_no_language_of_its_own(local_aws: LocalAws) -> None:
    state = _map()
    state["ItemProcessor"]["QueryLanguage"] = "JSONata"
    states = local_aws.client("stepfunctions")
    said = states.validate_state_machine_definition(definition=json.dumps(_one(state)))["diagnostics"]
    assert [(item["message"], item["location"]) for item in said] == [
        ("Field 'QueryLanguage' is not supported", "/States/A/ItemProcessor")
    ]


def test_what_is_no_moment_is_said_to_be_none(local_aws: LocalAws) -> None:
    found = _run(local_aws, _one({"Type": "Wait", "Timestamp": "{% '2016-12-05 21:29:29Z' %}", "End": True}))
    assert found["error"] == EVALUATION
    assert found["cause"].endswith("extended offset date-time format string: 2016-12-05 21:29:29Z")


def test_a_wait_ends_at_its_moment_in_any_zone(local_aws: LocalAws) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=1)
    given = moment.astimezone(timezone(timedelta(hours=2))).isoformat()
    found = _run(
        local_aws, _one({"Type": "Wait", "TimestampPath": "$.t", "End": True}, "JSONPath"), {"t": given}
    )
    assert found["status"] == "SUCCEEDED", found
    assert found["stopDate"] >= moment - timedelta(milliseconds=10)


def test_the_context_is_json_with_aws_times(local_aws: LocalAws) -> None:
    given = {"StartAt": "A", "States": {"A": {**PASS, "Parameters": {"c.$": "$$"}}}}
    found = _run(
        local_aws, {"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [given], "End": True}}}
    )
    [shown] = json.loads(found["output"])
    began = datetime.strptime(shown["c"]["Execution"]["StartTime"], "%Y-%m-%dT%H:%M:%S.%f%z")
    assert abs(began - found["startDate"]) < timedelta(seconds=1)
