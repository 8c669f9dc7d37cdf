"""The kinds of targets that a rule can send to; each is called as EventBridge would call it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.events.exceptions import ValidationException

from include.local_aws.events import inputs
from include.local_aws.iam.resource_policies import ACTIONS, NotPermittedError, require_policy
from include.local_aws.iam.roles import can_be_taken
from include.local_aws.logs.streams import put
from include.local_aws.runtime import Runtime

SERVICE = "events.amazonaws.com"
# What a target may have beside its input; anything else is refused, as it would be without effect.
FIELDS = {"Id", "Arn", "RoleArn", "SqsParameters", "RetryPolicy", *inputs.WAYS}


@dataclass(frozen=True)
class Delivery:
    """
    Something to be sent to a target.

    :param text: what the target is to get.
    :param event_id: the event's.
    :param rule_arn: the rule's that it comes from.
    """

    target: dict[str, Any]
    text: str
    event_id: str
    region: str
    rule_arn: str

    @property
    def arn(self) -> str:
        return str(self.target["Arn"])


def _sqs(runtime: Runtime, delivery: Delivery) -> None:
    sqs = runtime.client("sqs", delivery.region)
    account, name = delivery.arn.split(":")[4:6]
    url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    group = delivery.target.get("SqsParameters", {})
    sqs.send_message(QueueUrl=url, MessageBody=delivery.text, **group)


def _sns(runtime: Runtime, delivery: Delivery) -> None:
    runtime.client("sns", delivery.region).publish(TopicArn=delivery.arn, Message=delivery.text)


def _lambda(runtime: Runtime, delivery: Delivery) -> None:
    runtime.client("lambda", delivery.region).invoke(
        FunctionName=delivery.arn, InvocationType="Event", Payload=delivery.text.encode()
    )


def _states(runtime: Runtime, delivery: Delivery) -> None:
    role = delivery.target["RoleArn"]
    if not can_be_taken(role, SERVICE):
        raise NotPermittedError(f"role {role} cannot be taken by {SERVICE}")
    runtime.client("stepfunctions", delivery.region, role=role).start_execution(
        stateMachineArn=delivery.arn, name=f"{delivery.event_id}_{uuid.uuid4()}", input=delivery.text
    )


def _logs(_runtime: Runtime, delivery: Delivery) -> None:
    put(delivery.arn.split(":")[6], str(uuid.uuid4()), [delivery.text], region=delivery.region)


KINDS: dict[str, Callable[[Runtime, Delivery], None]] = {
    "sqs": _sqs,
    "sns": _sns,
    "lambda": _lambda,
    "states": _states,
    "logs": _logs,
}
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html
NEED_ROLE = ("states",)


def send(runtime: Runtime, delivery: Delivery) -> None:
    """
    Call a target.

    On AWS what is not permitted is FailedInvocations, and nobody else is told; so it is here.

    :raises NotPermittedError: when EventBridge may not.
    """
    kind = delivery.arn.split(":")[2]
    if kind in ACTIONS:
        require_policy(runtime, delivery.arn, service=SERVICE, source=delivery.rule_arn)
    KINDS[kind](runtime, delivery)


def check(target: dict[str, Any]) -> None:
    """
    Refuse a target that is not supported, or that AWS would not take.

    :raises ValidationException: with the reason.
    """
    name, arn = target["Id"], target["Arn"]
    kind = arn.split(":")[2] if arn.count(":") >= 5 else ""
    if kind not in KINDS:
        raise ValidationException(
            f"Parameter {arn} is not valid. Reason: the embedded AWS sends to {', '.join(sorted(KINDS))}."
        )
    if unknown := target.keys() - FIELDS:
        raise ValidationException(
            f"Target {name}: the embedded AWS does not support {', '.join(sorted(unknown))}."
        )
    if kind in NEED_ROLE and not target.get("RoleArn"):
        raise ValidationException(f"RoleArn is required for target {arn}.")
    inputs.check(target)
