"""What S3 of the embedded AWS tells EventBridge, by what LocalStack's tests have recorded of AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.local_aws.queues import Queue


@pytest.fixture
def bucket(local_aws: LocalAws) -> str:
    name = f"bucket-{uuid4().hex}"
    local_aws.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def queue(local_aws: LocalAws, bucket: str) -> Iterator[Queue]:
    """Gets what EventBridge is told of the bucket."""
    queue, events, rule = Queue(local_aws), local_aws.client("events"), f"rule-{uuid4().hex}"
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": queue.arn}])
    yield queue
    events.remove_targets(Rule=rule, Ids=["queue"])
    events.delete_rule(Name=rule)


@pytest.mark.parametrize(
    ("kind", "arn_name", "service"),
    [
        ("QueueConfigurations", "QueueArn", "sqs"),
        ("TopicConfigurations", "TopicArn", "sns"),
        ("LambdaFunctionConfigurations", "LambdaFunctionArn", "lambda"),
    ],
)
def test_another_destination_is_refused(
    local_aws: LocalAws, bucket: str, kind: str, arn_name: str, service: str
) -> None:
    arn = f"arn:aws:{service}:us-east-1:123456789012:" + ("function:" if service == "lambda" else "") + "name"
    wanted = {kind: [{arn_name: arn, "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError, match=r"InvalidArgument.*Configuration: not supported.*EventBridge"):
        local_aws.client("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=wanted
        )


def test_eventbridge_is_told_of_objects_once_it_is_asked_for(
    local_aws: LocalAws, bucket: str, queue: Queue
) -> None:
    s3 = local_aws.client("s3")
    s3.put_object(Bucket=bucket, Key="before", Body=b"nobody is told")
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    etag = s3.put_object(Bucket=bucket, Key="a key", Body=b"some")["ETag"].strip('"')
    s3.delete_object(Bucket=bucket, Key="a key")

    def told() -> dict[str, Any]:
        found = {event["detail-type"]: event for event in queue.events()}
        return found if len(found) == 2 else {}

    created, deleted = (until(told)[kind] for kind in ("Object Created", "Object Deleted"))
    assert {event["detail"]["object"]["key"] for event in queue.events()} == {"a key"}
    for event in (created, deleted):
        assert (event["source"], event["resources"]) == ("aws.s3", [f"arn:aws:s3:::{bucket}"])
        assert event["detail"].pop("request-id")
        assert event["detail"]["object"].pop("sequencer")
    common = {
        "version": "0",
        "bucket": {"name": bucket},
        "requester": "123456789012",
        "source-ip-address": "127.0.0.1",
    }
    assert created["detail"] == {
        **common,
        "object": {"key": "a key", "size": 4, "etag": etag},
        "reason": "PutObject",
    }
    assert deleted["detail"] == {
        **common,
        "object": {"key": "a key"},
        "reason": "DeleteObject",
        "deletion-type": "Permanently Deleted",
    }
