"""Queues that tests have told of things."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from tests.integration.embedded_aws import LocalAws


class Queue:
    """A queue, and the messages that came into it."""

    def __init__(self, aws: LocalAws) -> None:
        self._sqs = aws.client("sqs")
        self._url = self._sqs.create_queue(QueueName=f"queue-{uuid4().hex}")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self.arn: str = attributes["Attributes"]["QueueArn"]
        self.let_in("*")
        self._bodies: list[str] = []

    def let_in(self, source: str, service: str = "events.amazonaws.com") -> None:
        """Let a service send what comes of a rule or a topic; nobody else may any more."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": self.arn,
            "Condition": {"ArnLike": {"aws:SourceArn": source}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})

    def bodies(self) -> list[str]:
        """What has come so far."""
        while found := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            self._bodies += [message["Body"] for message in found]
            for message in found:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self._bodies

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies()]
