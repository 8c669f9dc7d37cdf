"""
Whether EventBridge may reach a target: by the target's own policy, or by a role.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html. On AWS what is not
permitted is FailedInvocations, and nobody else is told; so it is here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from include.local_aws.iam.policy import Need, UnknownConditionError, is_allowed
from include.local_aws.iam.roles import can_be_taken
from include.local_aws.runtime import ACCOUNT_ID, Runtime

SERVICE = "events.amazonaws.com"
ACTIONS = {
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "lambda": "lambda:InvokeFunction",
    "logs": "logs:PutLogEvents",
}


class NotPermittedError(Exception):
    """Says what the target lacks."""


def require_role(arn: str) -> None:
    """
    Let EventBridge take a role.

    :raises NotPermittedError: when it is not there, or does not trust EventBridge.
    """
    if not can_be_taken(arn, SERVICE):
        raise NotPermittedError(f"role {arn} cannot be taken by {SERVICE}")


def require_policy(runtime: Runtime, arn: str, rule_arn: str) -> None:
    """
    Look for a statement that lets EventBridge in.

    :raises NotPermittedError: when the target's policy has none.
    """
    kind, region = arn.split(":")[2:4]
    resource = f"{arn}:log-stream:any" if kind == "logs" else arn
    source = {"SourceArn": rule_arn, "SourceAccount": ACCOUNT_ID}
    # Keys of conditions are the same in upper and lower case.
    context = {f"{prefix}:{key}": value for prefix in ("aws", "AWS") for key, value in source.items()}
    need = Need(ACTIONS[kind], resource, context)
    documents = [json.loads(text) for text in _POLICIES[kind](runtime.client(kind, region), arn) if text]
    statements = [{"Resource": "*", **found} for document in documents for found in _ours(document)]
    try:
        allowed = is_allowed([{"Statement": statements}], need)
    except UnknownConditionError as error:
        raise NotPermittedError(f"the policy of {arn} cannot be judged: {error}") from error
    if not allowed:
        raise NotPermittedError(f"the policy of {arn} does not let {SERVICE} do {need.action}")


def _ours(document: dict[str, Any]) -> list[dict[str, Any]]:
    statements = document["Statement"]
    return [
        statement
        for statement in ([statements] if isinstance(statements, dict) else statements)
        if _is_ours(statement.get("Principal"))
    ]


def _is_ours(principal: Any) -> bool:
    named = principal.get("Service", principal.get("AWS", [])) if isinstance(principal, dict) else principal
    return any(name in (SERVICE, "*") for name in ([named] if isinstance(named, str) else named or []))


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
