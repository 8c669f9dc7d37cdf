"""What service integrations give their states, and the names of their errors."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.state_machines import (
    WAIT,
    create_defined,
    create_machine,
    ended,
    event_types,
    result_of,
    start,
    task_state,
)

NESTED = "arn:aws:states:::states:startExecution"
SDK = {"SdkHttpMetadata", "SdkResponseMetadata"}


def test_an_execution_starts_another_and_goes_on(local_aws: LocalAws) -> None:
    child = create_machine(local_aws, WAIT)
    parameters = {"StateMachineArn": child, "Input": {"a.$": "$.a"}}
    given = result_of(local_aws, task_state(NESTED, parameters), {"a": [1]})
    assert {*given} == {"ExecutionArn", "StartDate", *SDK}
    assert isinstance(given["StartDate"], int)
    assert given["SdkHttpMetadata"]["HttpStatusCode"] == 200
    states = local_aws.client("stepfunctions")
    found = states.describe_execution(executionArn=given["ExecutionArn"])
    assert (found["status"], json.loads(found["input"])) == ("RUNNING", {"a": [1]})
    states.stop_execution(executionArn=given["ExecutionArn"])


@pytest.mark.parametrize(("pattern", "output"), [(".sync", '{"b":2}'), (".sync:2", {"b": 2})])
def test_an_execution_waits_for_another(local_aws: LocalAws, pattern: str, output: object) -> None:
    child = create_machine(local_aws, {"Type": "Pass", "Result": {"b": 2}, "End": True})
    given = result_of(local_aws, task_state(NESTED + pattern, {"StateMachineArn": child, "Input": {}}))
    shown = given["Output"]
    assert (json.loads(shown) if isinstance(output, str) else shown) == {"b": 2}
    assert isinstance(shown, type(output))
    assert given["InputDetails"] == {"Included": True}
    assert (given["Status"], given["StateMachineArn"]) == ("SUCCEEDED", child)


def test_a_child_that_fails_is_a_failed_task_with_its_error(local_aws: LocalAws) -> None:
    child = create_machine(local_aws, {"Type": "Fail", "Error": "Broken", "Cause": "why"})
    machine = create_machine(local_aws, task_state(f"{NESTED}.sync:2", {"StateMachineArn": child}))
    found = ended(local_aws, start(local_aws, machine))
    assert found["error"] == "States.TaskFailed"
    cause = json.loads(found["cause"])
    assert (cause["Error"], cause["Cause"], cause["Status"]) == ("Broken", "why", "FAILED")


def test_stopping_a_parent_stops_its_child_and_a_redrive_starts_another(local_aws: LocalAws) -> None:
    child = create_machine(local_aws, WAIT)
    machine = create_machine(local_aws, task_state(f"{NESTED}.sync", {"StateMachineArn": child}))
    states, parent = local_aws.client("stepfunctions"), start(local_aws, machine)

    def children(status: str) -> list[Any]:
        found: list[Any] = states.list_executions(stateMachineArn=child, statusFilter=status)["executions"]
        return found

    until(lambda: children("RUNNING"))
    states.stop_execution(executionArn=parent)
    until(lambda: children("ABORTED"))
    states.redrive_execution(executionArn=parent)
    until(lambda: children("RUNNING"))
    states.stop_execution(executionArn=parent)
    until(lambda: len(children("ABORTED")) == 2)


def test_a_state_machine_that_is_not_there_is_named_so(local_aws: LocalAws) -> None:
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:nobody"
    found = ended(
        local_aws, start(local_aws, create_machine(local_aws, task_state(NESTED, {"StateMachineArn": arn})))
    )
    assert found["error"] == "StepFunctions.StateMachineDoesNotExistException"


def test_dynamodb_gives_its_whole_result(local_aws: LocalAws) -> None:
    table = f"table-{uuid4().hex}"
    dynamodb = local_aws.client("dynamodb")
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    item = {"id": {"S": "a"}, "n": {"N": "1"}}
    dynamodb.put_item(TableName=table, Item={"id": {"S": "b"}, "bytes": {"B": b"\xff"}})
    key = {"TableName": table, "Key": {"id": {"S": "b"}}}
    for call in ("dynamodb:getItem", "aws-sdk:dynamodb:getItem"):
        found = result_of(local_aws, task_state(f"arn:aws:states:::{call}", key))
        assert found["Item"]["bytes"] == {"B": "/w=="}
    put = task_state("arn:aws:states:::dynamodb:putItem", {"TableName": table, "Item": item})
    get = task_state("arn:aws:states:::dynamodb:getItem", {"TableName": table, "Key": {"id": {"S": "a"}}})
    assert {*result_of(local_aws, put)} == SDK
    given = result_of(local_aws, get)
    assert {*given} == {"Item", *SDK}
    assert given["Item"] == item
    assert given["SdkResponseMetadata"]["RequestId"]
    sdk = {**get, "Resource": "arn:aws:states:::aws-sdk:dynamodb:getItem"}
    assert result_of(local_aws, sdk) == {"Item": item}


def test_errors_of_sdk_integrations_are_caught_by_the_names_of_java(local_aws: LocalAws) -> None:
    for resource, parameters, error in (
        ("s3:getObject", {"Bucket": local_aws.outputs["Bucket"], "Key": "no"}, "S3.NoSuchKeyException"),
        ("sagemaker:describeModel", {"ModelName": "no"}, "SageMaker.SageMakerException"),
        ("sfn:sendTaskSuccess", {"Output": "{}", "TaskToken": "no"}, "Sfn.InvalidTokenException"),
        ("dynamodb:describeTable", {"TableName": "nobody"}, "DynamoDb.ResourceNotFoundException"),
    ):
        call = task_state(f"arn:aws:states:::aws-sdk:{resource}", parameters)
        catch = [{"ErrorEquals": [error], "Next": "Caught"}]
        definition = {
            "StartAt": "Call",
            "States": {"Call": {**call, "Catch": catch}, "Caught": {"Type": "Succeed"}},
        }
        found = ended(local_aws, start(local_aws, create_defined(local_aws, definition)))
        assert found["status"] == "SUCCEEDED", (error, found.get("error"), found.get("cause"))
        assert json.loads(found["output"])["Error"] == error


def test_a_task_waits_for_its_token(local_aws: LocalAws) -> None:
    sqs, states = local_aws.client("sqs"), local_aws.client("stepfunctions")
    queue = sqs.create_queue(QueueName=f"queue-{uuid4().hex}")["QueueUrl"]
    body = {"token.$": "$$.Task.Token"}
    task = task_state(
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken", {"QueueUrl": queue, "MessageBody": body}
    )
    execution = start(local_aws, create_machine(local_aws, task))

    def token() -> str | None:
        found = sqs.receive_message(QueueUrl=queue).get("Messages", [])
        return str(json.loads(found[0]["Body"])["token"]) if found else None

    until(token)
    states.stop_execution(executionArn=execution)
    states.redrive_execution(executionArn=execution)
    states.send_task_success(taskToken=until(token), output='{"approved": true}')
    assert json.loads(ended(local_aws, execution)["output"]) == {"approved": True}
    assert event_types(local_aws, execution).count("TaskSubmitted") == 2


def test_events_that_are_not_taken_are_a_failed_task(local_aws: LocalAws) -> None:
    entries = [{"Source": "aws.mine", "DetailType": "d", "Detail": {}}]
    machine = create_machine(local_aws, task_state("arn:aws:states:::events:putEvents", {"Entries": entries}))
    found = ended(local_aws, start(local_aws, machine))
    assert found["error"] == "EventBridge.FailedEntry"
    cause = json.loads(found["cause"])
    assert cause["FailedEntryCount"] == 1
    assert cause["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"


@pytest.mark.parametrize(
    "resource",
    [
        "aws-sdk:glue:startJobRun.sync",
        "lambda:invoke.sync",
        "glue:startJobRun.waitForTaskToken",
        "dynamodb:getItem.waitForTaskToken",
        "sagemaker:createTrainingJob.sync:2",
        "sagemaker:createEndpoint.sync",
        "sqs:sendMessage.bogus",
    ],
)
def test_a_pattern_that_an_integration_does_not_have_is_refused(local_aws: LocalAws, resource: str) -> None:
    states = local_aws.client("stepfunctions")
    said = "is not recognized. The value is not a valid resource ARN|is not supported by the embedded AWS"
    with pytest.raises(states.exceptions.InvalidDefinition, match=said):
        create_machine(local_aws, task_state(f"arn:aws:states:::{resource}", {}))


def test_an_activity_that_nobody_could_work_on_is_refused_by_name(local_aws: LocalAws) -> None:
    states = local_aws.client("stepfunctions")
    arn = "arn:aws:states:us-east-1:123456789012:activity:mine"
    with pytest.raises(states.exceptions.InvalidDefinition, match="The embedded AWS has no activities"):
        create_machine(local_aws, {"Type": "Task", "Resource": arn, "End": True})


@pytest.mark.parametrize(
    "resource", ["athena:startQueryExecution.sync", "aws-sdk:s3:noSuchCall", "aws-sdk:nobody:call"]
)
def test_what_cannot_be_called_is_refused_when_the_state_machine_is_made(
    local_aws: LocalAws, resource: str
) -> None:
    states = local_aws.client("stepfunctions")
    with pytest.raises(states.exceptions.InvalidDefinition, match=resource.partition(":")[0]):
        create_machine(local_aws, task_state(f"arn:aws:states:::{resource}", {}))
