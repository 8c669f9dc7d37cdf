"""Definitions that AWS refuses are refused, in its words, by what makes, updates and looks at them."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws
from tests.integration.state_machines import create_defined, create_machine

PASS: dict[str, Any] = {"Type": "Pass", "End": True}
CALL = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:listBuckets", "End": True}
SCHEMA = "SCHEMA_VALIDATION_FAILED"
TARGET = "MISSING_TRANSITION_TARGET"


def _one(**fields: Any) -> dict[str, Any]:
    return {"StartAt": "A", "States": {"A": {**PASS, **fields}}}


def _choice(rule: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": [rule]}, "B": PASS}}


def _call(**fields: Any) -> dict[str, Any]:
    return {"StartAt": "A", "States": {"A": {**CALL, **fields}}}


def _in_map(**fields: Any) -> dict[str, Any]:
    return {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": _one(**fields), "End": True}}}


ALL = {"ErrorEquals": ["States.ALL"]}
REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    # From where, the modules of include/local_aws/stepfunctions/definition_*.py say.
    ({}, [f"{SCHEMA}: These fields are required: [States, StartAt] at /"]),
    ({"States": {"A": PASS}}, [f"{SCHEMA}: These fields are required: [StartAt] at /"]),
    (_one(Type="Nap"), [f"{SCHEMA}: The field 'Type' should have one of these values: [Task, Wait, Pass, "]),
    ({"StartAt": "B", "States": {"A": PASS}}, [f"{TARGET}: Missing 'Next' target: B at /StartAt"]),
    (
        {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "C"}, "B": PASS}},
        [
            f"{TARGET}: Missing 'Next' target: C at /States/A/Next",
            f'{TARGET}: State "B" is not reachable. at /States/B',
        ],
    ),
    (
        _choice({"Variable": "$.a", "IsPresent": True, "Next": "C"}),
        [f"{TARGET}: Missing 'Next' target: C at /States/A/Choices[0]/Next"],
    ),
    (
        _in_map(Type="Succeed", End=True),
        [f"{SCHEMA}: Field 'End' is not supported at /States/M/ItemProcessor/"],
    ),
    (
        {"StartAt": "A", "States": {name: {"Type": "Pass", "Next": other} for name, other in ("AB", "BA")}},
        ["MISSING_END_STATE: Workflow has no terminal state"],
    ),
    ({"StartAt": "A" * 81, "States": {"A" * 81: PASS}}, ["INVALID_STATE_NAME: "]),
    (
        {"StartAt": "A", "States": {"A": {"Type": "Pass"}}},
        [f"{SCHEMA}: This object should have only one of the following fields: [Next, End] at /States/A"],
    ),
    (
        _one(Next="A"),
        [f"{SCHEMA}: There should only be one of the following fields: [Next, End] at /States/A"],
    ),
    (_one(Catch=[]), [f"{SCHEMA}: Field 'Catch' is not supported at /States/A"]),
    (_one(comment="no"), [f"{SCHEMA}: Field 'comment' is not supported at /States/A"]),
    (
        _one(Parameters={"a": [{"x.$": "abc"}]}),
        [f"{SCHEMA}: The value for the field 'x.$' must be a valid JSONPath"],
    ),
    (
        _one(Parameters={"RoleArn.$": "States.Nothing($.a)"}),
        ["The value for the field 'RoleArn.$' must be a valid JSONPath or a valid intrinsic function call"],
    ),
    (_one(InputPath="a.b"), [f"{SCHEMA}: Value must be a valid JSONPath. at /States/A/InputPath"]),
    (_one(OutputPath="$.a["), [f"{SCHEMA}: Value must be a valid JSONPath. at /States/A/OutputPath"]),
    (_one(ResultPath="$.a[*]"), [f"{SCHEMA}: Value is not a Reference Path at /States/A/ResultPath"]),
    (
        _one(Output="{% 1 %}"),
        ["field 'Output' is only supported"],
    ),
    (
        _one(QueryLanguage="SQL"),
        [f"{SCHEMA}: Value should be one of the following: [JSONPath, JSONata] at /"],
    ),
    (
        _choice({"Variable": "$.a", "StringEquals": 1, "Next": "B"}),
        [f"{SCHEMA}: Expected value of type String at /States/A/Choices[0]/StringEquals"],
    ),
    (
        _choice({"Variable": "a", "IsNull": True, "Next": "B"}),
        [f"{SCHEMA}: Value is not a Reference Path: Reference path didn't start with '$' at /States/A/"],
    ),
    (
        _choice({"Variable": "$.a", "IsNull": True}),
        [f"{SCHEMA}: These fields are required: [Next] at /States/A/Choices[0]"],
    ),
    (_call(Resource="lambda"), [f"{SCHEMA}: Value is not a valid resource ARN at /States/A/Resource"]),
    (
        {"StartAt": "A", "States": {"A": {"Type": "Task", "End": True}}},
        ["These fields are required: [Resource]"],
    ),
    (
        _call(Retry=[ALL, {"ErrorEquals": ["Other"]}]),
        [f"{SCHEMA}: States.ALL must appear alone and at end of list at /States/A/Retry[0]/ErrorEquals"],
    ),
    (
        _call(Catch=[{"ErrorEquals": ["States.ALL", "Other"], "Next": "A"}]),
        [f"{SCHEMA}: States.ALL must appear alone and at end of list at /States/A/Catch[0]/ErrorEquals"],
    ),
    (_call(Catch=[ALL]), [f"{SCHEMA}: These fields are required: [Next] at /States/A/Catch[0]"]),
    (_call(TimeoutSeconds=0), [f"{SCHEMA}: Minimum value is 1 at /States/A/TimeoutSeconds"]),
    (_call(TimeoutSeconds="1"), [f"{SCHEMA}: Expected value of type Integer at /States/A/TimeoutSeconds"]),
    (
        _call(Credentials={}),
        ["The field 'RoleArn' is required but was missing at /States/A/Credentials"],
    ),
    (
        {"StartAt": "A", "States": {"A": {"Type": "Wait", "Timestamp": "2016-12-05T21:29:29", "End": True}}},
        [f"{SCHEMA}: String does not match RFC3339 timestamp at /States/A/Timestamp"],
    ),
    (
        {"StartAt": "A", "States": {"A": {"Type": "Parallel", "Branches": [], "End": True}}},
        [f"{SCHEMA}: Value cannot be empty at /States/A/Branches"],
    ),
]


def _jsonata(**fields: Any) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", **_one(**fields)}


NOT_THERE = "UNSUPPORTED_JSONATA_EXPRESSION"
REFUSED += [
    (
        _jsonata(Output={"v": "{% 1 + %}"}),
        ["INVALID_JSONATA_EXPRESSION: Unexpected end of expression at /States/A/Output/v"],
    ),
    (
        _jsonata(Output={"v": ["{% phone[0] %}"]}),
        [f"{NOT_THERE}: Reference to 'phone' at the top level is not supported. at /States/A/Output/v[0]"],
    ),
    (
        _jsonata(Assign={"v": "{% $map($states.input.l, function($x) { $x.a + b }) %}"}),
        [f"{NOT_THERE}: Reference to 'b' at the top level is not supported. at /States/A/Assign/v"],
    ),
    (
        _jsonata(Output="{% $$.a %}"),
        [f"{NOT_THERE}: Reference to '$$' is not supported. at /States/A/Output"],
    ),
    (
        _jsonata(Output="{% $states.errorOutput %}"),
        [f"{NOT_THERE}: Field '$states.errorOutput' does not exist. at /States/A/Output"],
    ),
    (
        _jsonata(Output="{% $states.result %}"),
        [f"{NOT_THERE}: Field '$states.result' does not exist. at /States/A/Output"],
    ),
]
TAKEN = [
    "{% $states.input.items[price > 10]^(>price).name %}",
    "{% $states.input.items.{'n': name, 'p': $sum(prices)} %}",
    "{% ($x := $states.input; $x.a ? $x.b : 'c') %}",
    "{% $filter($states.input.l, function($v) { $v.x = $states.context.Execution.Name }) %}",
]


@pytest.fixture(scope="module")
def machine(local_aws: LocalAws) -> str:
    """A state machine to be updated."""
    return create_machine(local_aws, PASS)


def test_what_aws_refuses_is_refused_in_its_words(local_aws: LocalAws, machine: str) -> None:
    states = local_aws.client("stepfunctions")
    for definition, said in REFUSED:
        found = states.validate_state_machine_definition(definition=json.dumps(definition))
        assert found["result"] == "FAIL", definition
        told = [
            f"{item['code']}: {item['message']}" + (f" at {item['location']}" if "location" in item else "")
            for item in found["diagnostics"]
        ]
        assert all(any(part in line for line in told) for part in said), (definition, told)
        with pytest.raises(states.exceptions.InvalidDefinition) as made:
            create_defined(local_aws, definition)
        with pytest.raises(states.exceptions.InvalidDefinition) as updated:
            states.update_state_machine(stateMachineArn=machine, definition=json.dumps(definition))
        message = f"Invalid State Machine Definition: '{', '.join(told)}'"
        assert [error.value.response["Error"]["Message"] for error in (made, updated)] == [message] * 2


def test_names_within_a_path_are_its_own(local_aws: LocalAws) -> None:
    states = local_aws.client("stepfunctions")
    for expression in TAKEN:
        found = states.validate_state_machine_definition(definition=json.dumps(_jsonata(Output=expression)))
        assert found["diagnostics"] == [], expression


def test_a_definition_that_is_refused_changes_nothing_for_the_next(local_aws: LocalAws) -> None:
    states = local_aws.client("stepfunctions")
    unknown = {**CALL, "Resource": "arn:aws:states:::athena:getQueryExecution", "QueryLanguage": "JSONata"}
    with pytest.raises(states.exceptions.InvalidDefinition):
        create_defined(local_aws, {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": unknown}})
    assert create_machine(local_aws, {**PASS, "Parameters": {"a.$": "$.a"}})


def test_no_more_is_said_than_is_asked_for(local_aws: LocalAws) -> None:
    states = local_aws.client("stepfunctions")
    definition = {"StartAt": "A", "States": {name: {"Type": "Pass", "Next": "no"} for name in "ABC"}}
    found = states.validate_state_machine_definition(definition=json.dumps(definition), maxResults=2)
    assert len(found["diagnostics"]) == 2
    assert found["truncated"]


@pytest.mark.parametrize(
    ("definition", "code"),
    [(" ", SCHEMA), ("not a definition", "INVALID_JSON_DESCRIPTION"), ("[]", SCHEMA)],
)
def test_what_is_no_definition_is_said_to_be_none(local_aws: LocalAws, definition: str, code: str) -> None:
    found = local_aws.client("stepfunctions").validate_state_machine_definition(definition=definition)
    assert [(item["code"], item["severity"]) for item in found["diagnostics"]] == [(code, "ERROR")]


def test_an_express_state_machine_waits_for_no_job(local_aws: LocalAws) -> None:
    states = local_aws.client("stepfunctions")
    definition = json.dumps(
        _call(Resource="arn:aws:states:::glue:startJobRun.sync", Parameters={"JobName": "a"})
    )
    found = states.validate_state_machine_definition(definition=definition, type="EXPRESS")
    assert [(item["message"], item["location"]) for item in found["diagnostics"]] == [
        ("Express state machine does not support '.sync' service integration", "/States/A/Resource")
    ]


def test_an_express_state_machine_is_checked_and_not_run_as_a_standard_one(local_aws: LocalAws) -> None:
    states, role = local_aws.client("stepfunctions"), local_aws.outputs["StateMachineRoleArn"]
    with pytest.raises(
        ClientError, match=r"StateMachineTypeNotSupported.* runs state machines of type STAND"
    ):
        states.create_state_machine(
            name=f"express-{uuid4().hex}", definition=json.dumps(_one()), roleArn=role, type="EXPRESS"
        )


@pytest.mark.parametrize(
    ("role", "code"),
    [
        ("arn:aws:iam::123456789012:role/nobody", "AccessDeniedException"),
        ("arn:aws:iam::999999999999:role/other", "AccessDeniedException"),
        ("role", "InvalidArn"),
    ],
)
def test_a_role_that_cannot_be_taken_is_refused(
    local_aws: LocalAws, machine: str, role: str, code: str
) -> None:
    states = local_aws.client("stepfunctions")
    with pytest.raises(ClientError) as made:
        states.create_state_machine(name=f"m-{uuid4().hex}", definition=json.dumps(_one()), roleArn=role)
    with pytest.raises(ClientError) as updated:
        states.update_state_machine(stateMachineArn=machine, roleArn=role)
    assert [error.value.response["Error"]["Code"] for error in (made, updated)] == [code] * 2


def test_a_role_that_another_service_takes_is_refused(local_aws: LocalAws) -> None:
    states = local_aws.client("stepfunctions")
    with pytest.raises(ClientError, match=r"Neither the global service principal states\.amazonaws\.com"):
        states.create_state_machine(
            name=f"m-{uuid4().hex}",
            definition=json.dumps(_one()),
            roleArn=local_aws.outputs["TrainingRoleArn"],
        )
