"""Invocations that nobody waits for: what becomes of them, and who is told."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.local_aws.lambda_.lambda_functions import ECHO, deployed, function_role

FAILING = "def handler(event, context):\n  raise ValueError('on purpose')"


def _queue(aws: LocalAws) -> tuple[str, str]:
    """URL and ARN of a new queue."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=f"queue-{uuid4().hex}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return url, attributes["QueueArn"]


def _received(aws: LocalAws, url: str, seconds: float = 30) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = aws.client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])
        return next(iter(found.get("Messages", [])), None)

    return until(look, seconds)


def _invoke(aws: LocalAws, name: str, event: object, **more: Any) -> None:
    answer = aws.client("lambda").invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps(event), **more
    )
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    assert "ExecutedVersion" not in answer


@pytest.mark.parametrize(
    ("code", "outcome", "condition"),
    [(ECHO, "OnSuccess", "Success"), (FAILING, "OnFailure", "RetriesExhausted")],
)
def test_a_destination_is_told_how_an_invocation_ended(
    local_aws: LocalAws, code: str, outcome: str, condition: str
) -> None:
    url, arn = _queue(local_aws)
    name = deployed(local_aws, code)
    local_aws.client("lambda").put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={outcome: {"Destination": arn}}
    )
    _invoke(local_aws, name, {"a": 1})
    record = json.loads(_received(local_aws, url)["Body"])
    function = f"arn:aws:lambda:us-east-1:123456789012:function:{name}:$LATEST"
    context = record["requestContext"]
    assert {**context, "requestId": ""} == {
        "requestId": "",
        "functionArn": function,
        "condition": condition,
        "approximateInvokeCount": 1,
    }
    assert record["requestPayload"] == {"a": 1}
    assert record["responseContext"]["executedVersion"] == "$LATEST"
    if condition == "Success":
        assert record["responsePayload"] == {"a": 1}
        assert "functionError" not in record["responseContext"]
    else:
        assert record["responsePayload"]["errorMessage"] == "on purpose"
        assert record["responsePayload"]["requestId"] == context["requestId"]


def test_a_dead_letter_is_the_event_itself(local_aws: LocalAws) -> None:
    url, arn = _queue(local_aws)
    name = deployed(local_aws, FAILING, DeadLetterConfig={"TargetArn": arn})
    described = local_aws.client("lambda").get_function_configuration(FunctionName=name)
    assert described["DeadLetterConfig"] == {"TargetArn": arn}
    local_aws.client("lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    _invoke(local_aws, name, {"a": 1})
    message = _received(local_aws, url)
    assert json.loads(message["Body"]) == {"a": 1}
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "on purpose"
    assert message["MessageAttributes"]["ErrorCode"]["StringValue"] == "200"


def test_an_invocation_without_concurrency_is_given_up(local_aws: LocalAws) -> None:
    url, arn = _queue(local_aws)
    name, client = deployed(local_aws, ECHO), local_aws.client("lambda")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    client.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    _invoke(local_aws, name, {})
    record = json.loads(_received(local_aws, url)["Body"])
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responsePayload" not in record


def test_invocations_beyond_the_concurrency_wait_their_turn(local_aws: LocalAws) -> None:
    url, arn = _queue(local_aws)
    name, client = deployed(local_aws, ECHO), local_aws.client("lambda")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    client.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    for number in range(3):
        _invoke(local_aws, name, number)
    seen = {json.loads(_received(local_aws, url)["Body"])["responsePayload"] for _ in range(3)}
    assert seen == {0, 1, 2}


def test_what_is_said_of_invocations_is_kept_by_qualifier_and_added_to(local_aws: LocalAws) -> None:
    name, client = deployed(local_aws, ECHO, Publish=True), local_aws.client("lambda")
    client.put_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=60)
    client.update_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    client.put_function_event_invoke_config(FunctionName=name, Qualifier="1", MaximumRetryAttempts=0)
    latest = client.get_function_event_invoke_config(FunctionName=name)
    assert (latest["MaximumEventAgeInSeconds"], latest["MaximumRetryAttempts"]) == (60, 1)
    assert latest["FunctionArn"].endswith(f"{name}:$LATEST")
    listed = client.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
    assert len(listed) == 2
    client.delete_function_event_invoke_config(FunctionName=name)
    with pytest.raises(
        client.exceptions.ResourceNotFoundException, match="doesn't have an EventInvokeConfig"
    ):
        client.get_function_event_invoke_config(FunctionName=name)


@pytest.mark.parametrize(
    ("destination", "message"),
    [
        ("arn:aws:lambda:us-east-1:123456789012:function:nobody", "is invalid"),
        ("arn:aws:s3:::bucket", "does not support the destination"),
    ],
)
def test_a_destination_that_nobody_can_send_to_is_refused(
    local_aws: LocalAws, destination: str, message: str
) -> None:
    name, client = deployed(local_aws, ECHO), local_aws.client("lambda")
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=message):
        client.put_function_event_invoke_config(
            FunctionName=name, DestinationConfig={"OnFailure": {"Destination": destination}}
        )


@pytest.mark.heavy
def test_what_fails_is_tried_again_after_a_minute(local_aws: LocalAws) -> None:
    url, arn = _queue(local_aws)
    name = deployed(local_aws, FAILING, Role=function_role(local_aws))
    local_aws.client("lambda").put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    _invoke(local_aws, name, {})
    record = json.loads(_received(local_aws, url, seconds=120)["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    logs = list((local_aws.state_dir / "logs" / "lambda").glob(f"{name}-*.log"))
    # Each attempt is the same request.
    assert len(logs) == 1
    assert logs[0].read_text().count("START RequestId") == 2
