"""
Where asynchronous invocations are told of when they have come to their end.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html; what is sent is AWS's:
LocalStack (tests/aws/services/lambda_/test_lambda_destinations.snapshot.json).
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.local_aws.lambda_.runtime_api import Answer
from include.local_aws.runtime import Runtime

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ending:
    """
    How an asynchronous invocation ended.

    :param arn: the function's, with the qualifier that it was invoked by.
    :param version: what ran.
    :param role: what the function may do, sending this included.
    :param condition: why it ended: ``Success``, ``RetriesExhausted``, and others.
    :param attempts: how often the function ran.
    :param answer: the last; None if it never ran.
    """

    request_id: str
    arn: str
    version: str
    role: str
    event: bytes
    condition: str
    attempts: int
    answer: Answer | None

    def record(self) -> dict[str, Any]:
        """What a destination gets."""
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": self.arn,
                "condition": self.condition,
                "approximateInvokeCount": self.attempts,
            },
            "requestPayload": json.loads(self.event),
        }
        if self.answer:
            failed = {"functionError": "Unhandled"} if self.answer.error else {}
            record["responseContext"] = {"statusCode": 200, "executedVersion": self.version, **failed}
            record["responsePayload"] = json.loads(self.answer.payload or b"null")
        return record


def tell(runtime: Runtime, arn: str, ending: Ending) -> None:
    """Send a record to a destination, with the function's role."""
    body, success = json.dumps(ending.record()), ending.condition == "Success"

    def send() -> None:
        service = arn.split(":")[2]
        client = runtime.client(service, arn.split(":")[3], role=ending.role)
        if service == "sqs":
            client.send_message(QueueUrl=_queue_url(client, arn), MessageBody=body)
        elif service == "sns":
            client.publish(TopicArn=arn, Message=body)
        elif service == "lambda":
            client.invoke(FunctionName=arn, InvocationType="Event", Payload=body)
        else:
            outcome = "Success" if success else "Failure"
            entry = {
                "Source": "lambda",
                "DetailType": f"Lambda Function Invocation Result - {outcome}",
                "Resources": [arn, ending.arn],
                "Detail": body,
                "EventBusName": arn,
            }
            client.put_events(Entries=[entry])

    _attempt(arn, send)


def tell_dead_letter(runtime: Runtime, arn: str, ending: Ending) -> None:
    """
    Send the event itself to a dead-letter queue or topic.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq
    """
    error = json.loads(ending.answer.payload) if ending.answer else {}
    said = {
        "RequestID": {"DataType": "String", "StringValue": ending.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200" if ending.answer else "429"},
        "ErrorMessage": {"DataType": "String", "StringValue": error.get("errorMessage") or ending.condition},
    }

    def send() -> None:
        service = arn.split(":")[2]
        client = runtime.client(service, arn.split(":")[3], role=ending.role)
        if service == "sqs":
            body = ending.event.decode()
            client.send_message(QueueUrl=_queue_url(client, arn), MessageBody=body, MessageAttributes=said)
        else:
            client.publish(TopicArn=arn, Message=ending.event.decode(), MessageAttributes=said)

    _attempt(arn, send)


def _queue_url(client: Any, arn: str) -> str:
    return str(client.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"])


def _attempt(arn: str, send: Any) -> None:
    # AWS counts what it cannot deliver in a metric (DestinationDeliveryFailures), and lets it be.
    try:
        send()
    except (ClientError, BotoCoreError) as error:
        log.warning("%s is not told how an invocation ended: %s", arn, error)
