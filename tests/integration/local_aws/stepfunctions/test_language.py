"""The Amazon States Language of the embedded AWS, where the project relies on its finer points."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.state_machines import create_machine, ended, event_types, start, task_state

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


def test_retries_keep_to_the_longest_delay(local_aws: LocalAws) -> None:
    retry = {
        "ErrorEquals": ["SageMaker.AmazonSageMakerException"],
        "IntervalSeconds": 1,
        "BackoffRate": 1000,
        "MaxDelaySeconds": 2,
        "JitterStrategy": "FULL",
        "MaxAttempts": 3,
    }
    execution = start(local_aws, create_machine(local_aws, {**UPDATE, "Retry": [retry]}))
    found = ended(local_aws, execution)
    assert found["error"] == "SageMaker.AmazonSageMakerException"
    assert event_types(local_aws, execution).count("TaskScheduled") == 4
    assert (found["stopDate"] - found["startDate"]).total_seconds() < 6


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
