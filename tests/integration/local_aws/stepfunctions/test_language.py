"""The Amazon States Language of the embedded AWS, where the project relies on its finer points."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.state_machines import (
    create_defined,
    create_machine,
    ended,
    event_types,
    start,
    task_state,
)

UPDATE = task_state(
    "arn:aws:states:::sagemaker:updateEndpoint", {"EndpointName": "nobody", "EndpointConfigName": "none"}
)


@pytest.mark.parametrize(
    ("state", "error", "cause"),
    [
        ({"ErrorPath": "$.Name", "CausePath": "$.Why"}, "Broken", "out of order"),
        (
            {"Error": "Broken", "CausePath": "States.Format('it is {}', $.Why)"},
            "Broken",
            "it is out of order",
        ),
    ],
)
def test_a_fail_state_reads_error_and_cause(
    local_aws: LocalAws, state: dict[str, Any], error: str, cause: str
) -> None:
    machine = create_machine(local_aws, {"Type": "Fail", **state})
    found = ended(local_aws, start(local_aws, machine, {"Name": "Broken", "Why": "out of order"}))
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", error, cause)


def test_a_definition_is_checked_without_making_anything(local_aws: LocalAws) -> None:
    states = local_aws.client("stepfunctions")
    good = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    assert states.validate_state_machine_definition(definition=json.dumps(good))["result"] == "OK"
    bad = states.validate_state_machine_definition(definition=json.dumps({**good, "States": {"Done": {}}}))
    assert bad["result"] == "FAIL"
    assert [item["severity"] for item in bad["diagnostics"]] == ["ERROR"]


@pytest.mark.parametrize(("jitter", "shortest"), [("NONE", [1, 2, 2]), ("FULL", [0, 0, 0])])
def test_retries_keep_to_the_longest_delay(local_aws: LocalAws, jitter: str, shortest: list[float]) -> None:
    retry = {
        "ErrorEquals": ["SageMaker.AmazonSageMakerException"],
        "IntervalSeconds": 1,
        "BackoffRate": 1000,
        "MaxDelaySeconds": 2,
        "JitterStrategy": jitter,
        "MaxAttempts": 3,
    }
    execution = start(local_aws, create_machine(local_aws, {**UPDATE, "Retry": [retry]}))
    # Without the longest delay, the second pause would be a quarter of an hour.
    until(lambda: event_types(local_aws, execution).count("TaskFailed") == 4, seconds=120)
    assert ended(local_aws, execution)["error"] == "SageMaker.AmazonSageMakerException"
    history = local_aws.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    tried, failed = (
        [event["timestamp"] for event in history if event["type"] == kind]
        for kind in ("TaskScheduled", "TaskFailed")
    )
    pauses = [(again - before).total_seconds() for before, again in zip(failed, tried[1:], strict=False)]
    assert len(pauses) == 3
    assert all(pause > least - 0.01 for pause, least in zip(pauses, shortest, strict=True))


TIMED_OUT = task_state(
    "arn:aws:states:::aws-sdk:s3:listBuckets", {}, QueryLanguage="JSONata", TimeoutSeconds="{% 'no' %}"
)
del TIMED_OUT["Parameters"]


@pytest.mark.parametrize(
    ("inner", "caught", "by"),
    [
        (
            {"Type": "Fail", "Error": "States.TaskFailed", "Cause": "c"},
            "States.TaskFailed",
            "States.TaskFailed",
        ),
        ({"Type": "Fail", "Error": "States.Timeout"}, "States.Timeout", "States.Timeout"),
        ({"Type": "Fail", "Error": "States.Timeout"}, "States.Timeout", "States.ALL"),
        (TIMED_OUT, "States.QueryEvaluationError", "States.TaskFailed"),
        ({"Type": "Fail", "Error": "Mine"}, "Mine", "States.TaskFailed"),
    ],
)
def test_an_error_leaves_a_branch_and_an_iteration_under_its_name(
    local_aws: LocalAws, inner: dict[str, Any], caught: str, by: str
) -> None:
    flow = {"StartAt": "In", "States": {"In": inner}}
    for around in ({"Type": "Parallel", "Branches": [flow]}, {"Type": "Map", "ItemProcessor": flow}):
        state = {**around, "Catch": [{"ErrorEquals": [by], "Next": "Caught"}], "End": True}
        definition = {"StartAt": "Out", "States": {"Out": state, "Caught": {"Type": "Succeed"}}}
        found = ended(local_aws, start(local_aws, create_defined(local_aws, definition), [1]))
        assert found["status"] == "SUCCEEDED", (around["Type"], found.get("error"), found.get("cause"))
        assert json.loads(found["output"])["Error"] == caught


def test_a_task_that_has_failed_is_none_that_was_out_of_time(local_aws: LocalAws) -> None:
    flow = {"StartAt": "In", "States": {"In": {"Type": "Fail", "Error": "States.Timeout"}}}
    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "State1"}]
    parallel = {"Type": "Parallel", "Branches": [flow], "Catch": catch}
    found = ended(local_aws, start(local_aws, create_machine(local_aws, parallel, {"Type": "Succeed"})))
    assert found["error"] == "States.Timeout"


def test_an_execution_that_is_stopped_between_two_tries_can_be_redriven_at_once(local_aws: LocalAws) -> None:
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 600}
    execution = start(local_aws, create_machine(local_aws, {**UPDATE, "Retry": [retry]}))
    until(lambda: "TaskFailed" in event_types(local_aws, execution))
    states = local_aws.client("stepfunctions")
    states.stop_execution(executionArn=execution)
    states.redrive_execution(executionArn=execution)
    until(lambda: event_types(local_aws, execution).count("TaskFailed") == 2)
    states.stop_execution(executionArn=execution)
    assert ended(local_aws, execution)["status"] == "ABORTED"


PASS: dict[str, Any] = {"Type": "Pass", "End": True}
READ = {**PASS, "Parameters": {"z.$": "$z"}}
ONE = {"Variable": "$.a", "NumericEquals": 1, "Next": "B"}


@pytest.mark.parametrize(
    ("choice", "output"),
    [
        ({"Choices": [{**ONE, "Assign": {"z.$": "$.a"}}], "Default": "C"}, {"z": 1}),
        (
            {"Choices": [{**ONE, "Assign": {"z": "rule"}}], "Default": "B", "Assign": {"z": "none"}},
            {"z": "rule"},
        ),
        ({"Choices": [{**ONE, "NumericEquals": 2}], "Default": "B", "Assign": {"z": "none"}}, {"z": "none"}),
    ],
)
def test_a_choice_assigns_by_the_rule_that_is_met(
    local_aws: LocalAws, choice: dict[str, Any], output: dict[str, Any]
) -> None:
    states = {"A": {"Type": "Choice", **choice}, "B": READ}
    if choice["Default"] == "C":
        states["C"] = PASS
    machine = create_defined(local_aws, {"StartAt": "A", "States": states})
    found = ended(local_aws, start(local_aws, machine, {"a": 1}))
    assert json.loads(found["output"]) == output


@pytest.mark.parametrize(
    ("path", "value"),
    [("$z", {"a": [1, 2], "n": None}), ("$z.a[1]", 2), ("$z.a[*]", [1, 2]), ("$z.n", None)],
)
def test_a_variable_is_read_as_a_path_is(local_aws: LocalAws, path: str, value: object) -> None:
    assign = {"Type": "Pass", "Assign": {"z": {"a": [1, 2], "n": None}}}
    read = {**PASS, "Parameters": {"r.$": path}}
    found = ended(local_aws, start(local_aws, create_machine(local_aws, assign, read)))
    assert json.loads(found["output"]) == {"r": value}


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (READ, "The JSONPath '$z' specified for the field 'z.$' could not be found in the input"),
        (
            {**PASS, "Parameters": {"z.$": "States.Format('{}', $z.a)"}},
            "The JsonPath argument for the field '$z.a'",
        ),
        ({**PASS, "InputPath": "$z"}, "Invalid path '$z'"),
    ],
)
def test_a_variable_that_was_never_assigned_is_not_null(
    local_aws: LocalAws, state: dict[str, Any], cause: str
) -> None:
    found = ended(local_aws, start(local_aws, create_machine(local_aws, state)))
    assert found["error"] == "States.Runtime", found
    assert cause in found["cause"]


@pytest.mark.parametrize(
    ("state", "entered"),
    [
        (task_state("arn:aws:states:::sqs:sendMessage", {"QueueUrl": "q", "MessageBody.$": "$.no"}), "Task"),
        (task_state("arn:aws:states:::lambda:invoke", {"FunctionName": "f", "Nothing.$": "$"}), "Task"),
        ({**PASS, "Parameters": {"a.$": "$.no"}}, "Pass"),
        (
            {
                "Type": "Map",
                "MaxConcurrencyPath": "$.n",
                "ItemProcessor": {"StartAt": "In", "States": {"In": PASS}},
                "End": True,
            },
            "Map",
        ),
        ({"Type": "Choice", "Choices": [ONE]}, "Choice"),
    ],
)
def test_what_ends_the_execution_is_told_once(
    local_aws: LocalAws, state: dict[str, Any], entered: str
) -> None:
    states = {"A": state, **({"B": PASS} if entered == "Choice" else {})}
    machine = create_defined(local_aws, {"StartAt": "A", "States": states})
    execution = start(local_aws, machine, {"n": "no", "a": 5})
    assert ended(local_aws, execution)["error"] == "States.Runtime"
    assert event_types(local_aws, execution) == [
        "ExecutionStarted",
        f"{entered}StateEntered",
        "ExecutionFailed",
    ]
