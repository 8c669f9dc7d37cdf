"""SNS of the embedded AWS: what reaches queues and functions, and what does not."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.local_aws.lambda_.lambda_functions import deployed
from tests.integration.local_aws.queues import Queue

# Writes its event to a file, so that the test needs no service to be told.
WRITES = """
import json, pathlib
def handler(event, context):
    with pathlib.Path({path!r}).open("a") as file:
        file.write(json.dumps(event) + chr(10))
"""


@pytest.fixture
def topic(local_aws: LocalAws) -> str:
    return str(local_aws.client("sns").create_topic(Name=f"topic-{uuid4().hex}")["TopicArn"])


def subscribe(aws: LocalAws, topic: str, protocol: str, endpoint: str) -> str:
    subscribed = aws.client("sns").subscribe(
        TopicArn=topic, Protocol=protocol, Endpoint=endpoint, ReturnSubscriptionArn=True
    )
    return str(subscribed["SubscriptionArn"])


@pytest.mark.parametrize("protocol", ["http", "https", "sms", "application", "firehose", "pigeon"])
def test_a_subscription_that_nothing_would_come_of_is_refused(
    local_aws: LocalAws, topic: str, protocol: str
) -> None:
    with pytest.raises(ClientError, match=rf"InvalidParameter.*sends to sqs and lambda.*{protocol}"):
        subscribe(local_aws, topic, protocol, "http://127.0.0.1:1/")


def test_what_nobody_would_get_is_refused(local_aws: LocalAws, topic: str) -> None:
    sns, queue = local_aws.client("sns"), Queue(local_aws)
    with pytest.raises(ClientError, match=r"InvalidParameter.*PhoneNumber: not supported"):
        sns.publish(PhoneNumber="+15550100", Message="lost")
    with pytest.raises(ClientError, match=r"InvalidParameter.*RedrivePolicy: not supported"):
        sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=queue.arn,
            Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": queue.arn})},
        )
    with pytest.raises(ClientError, match=r"NotImplementedException.*sns:CreatePlatformApplication"):
        sns.create_platform_application(Name="app", Platform="APNS", Attributes={"PlatformPrincipal": "x"})


def test_a_queue_gets_nothing_before_its_policy_lets_sns_in(local_aws: LocalAws, topic: str) -> None:
    sns, queue = local_aws.client("sns"), Queue(local_aws)
    subscription = subscribe(local_aws, topic, "sqs", queue.arn)
    sns.publish(TopicArn=topic, Message="lost")
    queue.let_in(f"{topic}-another", "sns.amazonaws.com")
    sns.publish(TopicArn=topic, Message="lost, too")
    queue.let_in(topic, "sns.amazonaws.com")
    sns.publish(TopicArn=topic, Message="found")
    (message,) = until(queue.events)
    assert (message["Message"], message["TopicArn"]) == ("found", topic)
    assert message["UnsubscribeURL"].endswith(f"SubscriptionArn={subscription}")


def test_a_function_gets_the_event_that_aws_writes(local_aws: LocalAws, topic: str, tmp_path: Path) -> None:
    """By what AWS answered, in the recorded answers of LocalStack's tests of SNS."""
    lambda_, sns, path = local_aws.client("lambda"), local_aws.client("sns"), tmp_path / "events"
    name = deployed(local_aws, WRITES.format(path=str(path)))
    function = lambda_.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    subscription = subscribe(local_aws, topic, "lambda", function)
    sns.publish(TopicArn=topic, Message="lost")
    lambda_.add_permission(
        FunctionName=name,
        StatementId="topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    color = {"DataType": "String", "StringValue": "red"}
    sent = sns.publish(TopicArn=topic, Message="one", Subject="first", MessageAttributes={"color": color})
    (first,) = until(lambda: read(path))
    sns.publish(TopicArn=topic, Message="two")
    _, second = until(lambda: (found := read(path))[1:] and found)

    assert {key: first[key] for key in first if key != "Sns"} == {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription,
    }
    assert first["Sns"].keys() == {
        *("Message", "MessageAttributes", "MessageId", "Signature", "SignatureVersion", "SigningCertUrl"),
        *("Subject", "Timestamp", "TopicArn", "Type", "UnsubscribeUrl"),
    }
    told = first["Sns"]
    assert (told["Message"], told["Subject"], told["Type"]) == ("one", "first", "Notification")
    assert (told["MessageId"], told["TopicArn"]) == (sent["MessageId"], topic)
    assert told["MessageAttributes"] == {"color": {"Type": "String", "Value": "red"}}
    assert datetime.fromisoformat(told["Timestamp"])
    assert told["SigningCertUrl"].startswith("https://sns.us-east-1.amazonaws.com/SimpleNotificationService-")
    assert told["UnsubscribeUrl"].endswith(f"?Action=Unsubscribe&SubscriptionArn={subscription}")
    assert (second["Sns"]["Subject"], second["Sns"]["MessageAttributes"]) == (None, {})


def read(path: Path) -> list[dict[str, Any]]:
    """The records that a function has written so far."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [record for line in lines for record in json.loads(line)["Records"]]
