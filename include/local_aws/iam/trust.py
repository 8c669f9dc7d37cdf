"""
Whether a role lets its service take it, by what that service is documented to send along.

A condition on a key that no document says a service sends is one that it may not meet.
"""

from __future__ import annotations

import json
from typing import Any

from include.local_aws.iam.policy import Document, Need, is_allowed
from include.local_aws.runtime import ACCOUNT_ID

# Of Glue and Lambda no page says that they send any when they take the role of a job or of a function.
SENT: dict[str, dict[str, str]] = {
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
    "states.amazonaws.com": {"aws:SourceAccount": ACCOUNT_ID},
    # https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html
    "sagemaker.amazonaws.com": {"aws:SourceAccount": ACCOUNT_ID},
}


def refusing_service(trust_policy: Any) -> str | None:
    """
    Name the service that cannot take a role although it is meant to.

    :param trust_policy: the role's, as it is or as JSON.
    """
    document: Document = json.loads(trust_policy) if isinstance(trust_policy, str) else trust_policy
    for statement in document["Statement"]:
        service = statement.get("Principal", {}).get("Service")
        if isinstance(service, str):
            need = Need("sts:AssumeRole", "*", SENT.get(service, {}))
            if not is_allowed([{"Statement": [{**statement, "Resource": "*"}]}], need):
                return service
    return None


def lets_take(trust_policy: Any, service: str) -> bool:
    """
    Whether a role lets a service take it.

    :param trust_policy: the role's, as it is or as JSON.
    :param service: the service's principal, such as ``sagemaker.amazonaws.com``.
    """
    document: Document = json.loads(trust_policy) if isinstance(trust_policy, str) else trust_policy
    need = Need("sts:AssumeRole", "*", SENT.get(service, {}))
    statements = document["Statement"]
    return any(
        is_allowed([{"Statement": [{**statement, "Resource": "*"}]}], need)
        for statement in ([statements] if isinstance(statements, dict) else statements)
        if service in _services(statement.get("Principal"))
    )


def _services(principal: Any) -> list[str]:
    found = principal.get("Service", []) if isinstance(principal, dict) else []
    return [found] if isinstance(found, str) else list(found)
