"""Paths of the States Language: what they give, what fails, and whose names they may be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.embedded_aws import LocalAws
from tests.integration.state_machines import create_defined, create_machine, ended, result_of, start

DATA = {
    "trainingMetrics": [{"Value": 0.035, "Tags": ["a", "b"]}, {"Value": 0.2}],
    "Metrics": {"validation:error": 0.04, "where": {"parent": 1}},
    "nothing": None,
    "empty": [],
}
# By https://github.com/json-path/JsonPath#what-is-returned-when, which AWS's recorded answers keep to.
FOUND = {
    "$.trainingMetrics[0].Value": 0.035,
    "$.trainingMetrics[0].Tags[1]": "b",
    "$.trainingMetrics[0]['Value']": 0.035,
    "$['trainingMetrics'][1].Value": 0.2,
    "$.trainingMetrics[-1].Value": 0.2,
    "$.trainingMetrics[0].Tags": ["a", "b"],
    "$.Metrics['validation:error']": 0.04,
    "$.Metrics.validation:error": 0.04,
    "$.Metrics.where.parent": 1,
    "$.nothing": None,
    "$.empty": [],
    "$.trainingMetrics[*].Value": [0.035, 0.2],
    "$.trainingMetrics[0:1].Value": [0.035],
    "$.trainingMetrics[0,1].Value": [0.035, 0.2],
    "$.trainingMetrics[?(@.Value < 0.1)].Value": [0.035],
    "$.trainingMetrics[?(@.Value > 9)].Value": [],
    "$..Tags": [["a", "b"]],
    "$.nowhere[*].Value": [],
    "$.trainingMetrics.length()": 2,
    "$$.Execution.Input.trainingMetrics[0].Value": 0.035,
}
FUNCTIONS = {
    "States.Format('{}', $.trainingMetrics[0].Value)": "0.035",
    "States.ArrayLength($.trainingMetrics[0].Tags)": 2,
    "States.ArrayContains($.trainingMetrics[*].Value, 0.2)": True,
    "States.Format('{}', $.Metrics['validation:error'])": "0.04",
    "States.Format('{}', $.Metrics.validation:error)": "0.04",
    "States.Array($.trainingMetrics[0].Tags[0], States.MathAdd(1.6, -1), 'a,$.b(')": ["a", 1, "a,$.b("],
    "States.Format('it\\'s \\{\"Value\": {}\\}', $.trainingMetrics[0].Value)": 'it\'s {"Value": 0.035}',
}
# Words of the language, which are names like others where names are free.
KEYWORDS = (
    "RoleArn",
    "ErrorPath",
    "CausePath",
    "JSONPath",
    "JSONata",
    "Parameters",
    "States",
    "Type",
    "Next",
)


def test_paths_give_one_value_or_a_list_by_what_they_say(local_aws: LocalAws) -> None:
    paths = [*FOUND, *FUNCTIONS]
    template = {f"{number}.$": path for number, path in enumerate(paths)}
    state = {"Type": "Pass", "Parameters": {"deeper": [{"down": template}], **template}, "End": True}
    given = result_of(local_aws, state, DATA)
    [deeper] = given.pop("deeper")
    expected = {**FOUND, **FUNCTIONS}
    assert {paths[int(key)]: value for key, value in given.items()} == expected
    assert {paths[int(key)]: value for key, value in deeper["down"].items()} == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"InputPath": "$.trainingMetrics[0].Value"}, 0.035),
        ({"OutputPath": "$.trainingMetrics[0].Tags"}, ["a", "b"]),
        (
            {
                "Result": 1,
                "ResultPath": "$.trainingMetrics[0].Value",
                "OutputPath": "$.trainingMetrics[0].Value",
            },
            1,
        ),
        (
            {"Result": [7, 8], "ResultPath": "$.trainingMetrics[0].Tags[0]", "OutputPath": "$..Tags"},
            [[[7, 8], "b"]],
        ),
        ({"Result": 1, "ResultPath": "$.made.here", "OutputPath": "$.made"}, {"here": 1}),
    ],
)
def test_paths_of_fields_give_it_too(local_aws: LocalAws, fields: dict[str, Any], expected: object) -> None:
    assert result_of(local_aws, {"Type": "Pass", **fields, "End": True}, DATA) == expected


def test_items_come_from_a_path_through_an_array(local_aws: LocalAws) -> None:
    item = {"StartAt": "Item", "States": {"Item": {"Type": "Pass", "End": True}}}
    state = {
        "Type": "Map",
        "ItemsPath": "$.trainingMetrics[0].Tags",
        "ItemSelector": {"RoleArn.$": "$$.Map.Item.Value", "Value.$": "$.trainingMetrics[0].Value"},
        "ItemProcessor": item,
        "ResultSelector": {"first.$": "$[0].RoleArn", "Next.$": "$[*].Value"},
        "End": True,
    }
    assert result_of(local_aws, state, DATA) == {"first": "a", "Next": [0.035, 0.035]}


def test_words_of_the_language_are_names_like_others_in_a_template(local_aws: LocalAws) -> None:
    resolved = {f"{word}.$": "$.trainingMetrics[0].Value" for word in KEYWORDS}
    plain = {word: word for word in KEYWORDS}
    parameters = {**resolved, "inner": {**resolved, "list": [resolved, plain]}, "plain": plain}
    given = result_of(local_aws, {"Type": "Pass", "Parameters": parameters, "End": True}, DATA)
    expected = dict.fromkeys(KEYWORDS, 0.035)
    assert given == {**expected, "inner": {**expected, "list": [expected, plain]}, "plain": plain}
    assert result_of(local_aws, {"Type": "Pass", "Result": plain, "End": True}) == plain


CHOSEN: list[tuple[dict[str, Any], bool | None]] = [
    ({"Variable": "$.trainingMetrics[0].Value", "NumericLessThan": 0.1}, True),
    ({"Variable": "$.trainingMetrics[0].Value", "NumericLessThanPath": "$.trainingMetrics[1].Value"}, True),
    ({"Variable": "$.trainingMetrics[0].Value", "NumericEqualsPath": "$$.Execution.Input.nowhere"}, None),
    ({"Variable": "$.nowhere", "IsPresent": True}, False),
    ({"Variable": "$.nowhere.further", "IsPresent": False}, True),
    ({"Variable": "$.nothing", "IsPresent": True}, True),
    ({"Variable": "$.nothing", "IsNull": True}, True),
    ({"Variable": "$.nowhere", "IsNull": True}, None),
    ({"Variable": "$.nowhere", "NumericLessThan": 1}, None),
    ({"Not": {"Variable": "$.nowhere", "StringEquals": "x"}}, None),
    ({"Variable": "$.trainingMetrics[0].Value", "NumericLessThanPath": "$.nowhere"}, None),
    ({"Variable": "$.trainingMetrics[0].Value", "NumericLessThanPath": "$.Metrics"}, None),
    ({"Variable": "$.trainingMetrics[0].Tags[0]", "NumericLessThan": 1}, False),
    ({"Variable": "$.trainingMetrics[0].Value", "StringEquals": "0.035"}, False),
    ({"Variable": "$.trainingMetrics[0].Tags[0]", "StringEquals": "JSONPath"}, False),
    (
        {"And": [{"Variable": "$.nowhere", "IsPresent": True}, {"Variable": "$.nowhere", "IsNull": True}]},
        False,
    ),
]


def _choice(rule: dict[str, Any], **fields: Any) -> dict[str, Any]:
    ends = {name: {"Type": "Pass", "Result": name, "End": True} for name in ("yes", "no")}
    choice = {"Type": "Choice", "Choices": [{**rule, "Next": "yes"}], "Default": "no", **fields}
    return {"StartAt": "Choice", "States": {"Choice": choice, **ends}}


def test_a_choice_takes_the_values_that_are_there_and_fails_at_the_others(local_aws: LocalAws) -> None:
    machines = [create_defined(local_aws, _choice(rule)) for rule, _ in CHOSEN]
    executions = [start(local_aws, machine, DATA) for machine in machines]
    found = [ended(local_aws, execution) for execution in executions]
    outputs = [{'"yes"': True, '"no"': False}.get(one.get("output", "")) for one in found]
    assert outputs == [expected for _, expected in CHOSEN]
    failed = [one for one, (_, expected) in zip(found, CHOSEN, strict=True) if expected is None]
    assert {one["error"] for one in failed} == {"States.Runtime"}
    assert failed[2]["cause"] == (
        "An error occurred while executing the state 'Choice' (entered at the event id #2). Invalid path "
        "'$.nowhere': The choice state's condition path references an invalid value."
    )


def test_a_choice_without_a_match_and_a_default_fails(local_aws: LocalAws) -> None:
    definition = _choice({"Variable": "$.nothing", "IsNull": False})
    del definition["States"]["Choice"]["Default"], definition["States"]["no"]
    found = ended(local_aws, start(local_aws, create_defined(local_aws, definition), DATA))
    assert found["error"] == "States.Runtime"
    assert found["cause"].endswith("The state does not point to a next state.")


LOST: list[tuple[dict[str, Any], str]] = [
    ({"InputPath": "$.Metrics.no"}, "Invalid path '$.Metrics.no' : No results for path: $['Metrics']['no']"),
    ({"OutputPath": "$.no.further"}, "Invalid path '$.no.further' : Missing property in path $['no']"),
    (
        {"Parameters": {"a": {"RoleArn.$": "$.empty[0]"}}},
        "The JSONPath '$.empty[0]' specified for the field 'RoleArn.$' could not be found in the input",
    ),
    (
        {"Parameters": {"a.$": "States.Format('{}', $.no)"}},
        "The function 'States.Format('{}', $.no)' had the following error: The JsonPath argument for "
        "the field '$.no' could not be found in the input",
    ),
]


def test_a_path_that_finds_nothing_fails_the_state_in_awss_words(local_aws: LocalAws) -> None:
    machines = [create_machine(local_aws, {"Type": "Pass", **fields, "End": True}) for fields, _ in LOST]
    for machine, (_, cause) in zip(machines, LOST, strict=True):
        found = ended(local_aws, start(local_aws, machine, DATA))
        assert found["error"] == "States.Runtime"
        assert f"(entered at the event id #2). {cause}" in found["cause"]


def test_a_result_that_has_no_place_in_the_input_fails_the_state(local_aws: LocalAws) -> None:
    machine = create_machine(local_aws, {"Type": "Pass", "Result": 1, "ResultPath": "$.a.b", "End": True})
    found = ended(local_aws, start(local_aws, machine, {"a": "text"}))
    assert found["error"] == "States.ReferencePathConflict"
    assert found["cause"] == 'Unable to apply ReferencePath $.a.b to input {"a":"text"}'


def test_a_runtime_error_is_not_caught(local_aws: LocalAws) -> None:
    definition = {
        "StartAt": "Call",
        "States": {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:listBuckets",
                "Parameters": {"Prefix.$": "$.no"},
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
                "End": True,
            },
            "Caught": {"Type": "Succeed"},
        },
    }
    found = ended(local_aws, start(local_aws, create_defined(local_aws, definition)))
    assert found["error"] == "States.Runtime"


TIMES: list[tuple[dict[str, Any], str]] = [
    ({"TimestampEquals": "2024-05-01T10:00:00Z"}, "2024-05-01T12:00:00+02:00"),
    ({"TimestampLessThan": "2024-05-01T10:00:00.5Z"}, "2024-05-01T10:00:00.123456789Z"),
    ({"IsTimestamp": True}, "2024-05-01T10:00:00.001-05:00"),
    ({"IsTimestamp": False}, "2024-05-01T10:00:00"),
    ({"IsTimestamp": False}, "2024-13-01T10:00:00Z"),
    ({"StringMatches": "log-*.txt"}, "log-a[b].txt"),
    ({"StringMatches": "a\\*b"}, "a*b"),
]


def test_timestamps_and_patterns_are_those_of_the_specification(local_aws: LocalAws) -> None:
    rules: list[dict[str, Any]] = [
        {"Variable": f"$[{number}]", **rule} for number, (rule, _) in enumerate(TIMES)
    ]
    no: list[dict[str, Any]] = [
        {"StringMatches": "a?c"},
        {"StringMatches": "[abc]"},
        {"StringMatches": "a\\*"},
    ]
    rules += [{"Not": {"Variable": "$[7]", **rule}} for rule in no]
    values = [*(value for _, value in TIMES), "abc"]
    found = ended(local_aws, start(local_aws, create_defined(local_aws, _choice({"And": rules})), values))
    assert found["output"] == '"yes"'


def test_variables_hold_values_for_later_states(local_aws: LocalAws) -> None:
    first = {"Type": "Pass", "Assign": {"best.$": "$.trainingMetrics[0]", "said": 'a "quoted" word'}}
    compare = {
        "Type": "Choice",
        "Choices": [
            {"Variable": "$.trainingMetrics[1].Value", "NumericGreaterThanPath": "$best.Value", "Next": "C"}
        ],
    }
    read = {"v.$": "$best.Value", "s.$": "States.Format('{}!', $said)", "plain": 'a "\U0001f600" /'}
    last = {"Type": "Pass", "Parameters": read, "End": True}
    states = {"A": {**first, "Next": "B"}, "B": compare, "C": last}
    execution = start(local_aws, create_defined(local_aws, {"StartAt": "A", "States": states}), DATA)
    assert json.loads(ended(local_aws, execution)["output"]) == {
        "v": 0.035,
        "s": 'a "quoted" word!',
        "plain": 'a "\U0001f600" /',
    }


def test_jsonata_is_evaluated_and_what_it_cannot_say_fails(local_aws: LocalAws) -> None:
    def state(**fields: Any) -> dict[str, Any]:
        return {"Type": "Pass", "QueryLanguage": "JSONata", "End": True, **fields}

    output = {
        "sum": "{% $sum($states.input.trainingMetrics.Value) %}",
        "name": "{% $states.context.State.Name %}",
        "range": "{% $range(1, 5, 2) %}",
        "hash": "{% $hash('a', 'MD5') %}",
        "none": "{% null %}",
    }
    given = result_of(local_aws, state(Output=output), DATA)
    assert given == {
        "sum": pytest.approx(0.235),
        "name": "State0",
        "range": [1, 3, 5],
        "hash": "0cc175b9c0f1b6a831c399e269772661",
        "none": None,
    }
    for wrong in ("{% $states.input.no %}", "{% function($a) { $a } %}"):
        machine = create_machine(local_aws, state(Output=wrong))
        found = ended(local_aws, start(local_aws, machine, DATA))
        assert (found["status"], found["error"]) == ("FAILED", "States.QueryEvaluationError")
