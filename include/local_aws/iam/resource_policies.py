"""
Whether a service may reach a queue, a topic, a function or a log group: by the policy that this has.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html and
https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from include.local_aws.iam.policy import Need, UnknownConditionError, is_allowed
from include.local_aws.runtime import ACCOUNT_ID, Runtime

ACTIONS = {
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "lambda": "lambda:InvokeFunction",
    "logs": "logs:PutLogEvents",
}


class NotPermittedError(Exception):
    """Says what the target lacks."""


def require_policy(runtime: Runtime, arn: str, *, service: str, source: str) -> None:
    """
    Look for a statement that lets a service in.

    :param arn: of what is to be reached.
    :param service: the service's principal, such as ``events.amazonaws.com``.
    :param source: ARN of what the service does it for.
    :raises NotPermittedError: when the policy has none.
    """
    kind, region = arn.split(":")[2:4]
    resource = f"{arn}:log-stream:any" if kind == "logs" else arn
    sent = {"SourceArn": source, "SourceAccount": ACCOUNT_ID}
    # Keys of conditions are the same in upper and lower case.
    context = {f"{prefix}:{key}": value for prefix in ("aws", "AWS") for key, value in sent.items()}
    need = Need(ACTIONS[kind], resource, context)
    documents = [json.loads(text) for text in _POLICIES[kind](runtime.client(kind, region), arn) if text]
    statements = [{"Resource": "*", **found} for document in documents for found in _of(document, service)]
    try:
        allowed = is_allowed([{"Statement": statements}], need)
    except UnknownConditionError as error:
        raise NotPermittedError(f"the policy of {arn} cannot be judged: {error}") from error
    if not allowed:
        raise NotPermittedError(f"the policy of {arn} does not let {service} do {need.action}")


def _of(document: dict[str, Any], service: str) -> list[dict[str, Any]]:
    statements = document["Statement"]
    return [
        statement
        for statement in ([statements] if isinstance(statements, dict) else statements)
        if _names(statement.get("Principal"), service)
    ]


def _names(principal: Any, service: str) -> bool:
    named = principal.get("Service", principal.get("AWS", [])) if isinstance(principal, dict) else principal
    return any(name in (service, "*") for name in ([named] if isinstance(named, str) else named or []))


def _queue(sqs: Any, arn: str) -> list[str]:
    account, name = arn.split(":")[4:6]
    url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    return [found.get("Attributes", {}).get("Policy", "")]


def _topic(sns: Any, arn: str) -> list[str]:
    return [sns.get_topic_attributes(TopicArn=arn)["Attributes"].get("Policy", "")]


def _function(lambda_: Any, arn: str) -> list[str]:
    try:
        return [lambda_.get_policy(FunctionName=arn)["Policy"]]
    except lambda_.exceptions.ResourceNotFoundException:
        return []


def _log_groups(logs: Any, _arn: str) -> list[str]:
    return [found["policyDocument"] for found in logs.describe_resource_policies()["resourcePolicies"]]


_POLICIES: dict[str, Callable[[Any, str], list[str]]] = {
    "sqs": _queue,
    "sns": _topic,
    "lambda": _function,
    "logs": _log_groups,
}
