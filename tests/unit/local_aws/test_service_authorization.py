"""
Policies and the embedded authorization against AWS's own list of actions, resources and condition keys.

policy_sentry ships the service authorization reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest
from policy_sentry.querying.actions import get_action_data

from include.local_aws.iam.needs import ACTIONS, PREFIXES, needs
from include.local_aws.iam.policy import is_allowed
from tests.unit.cloudformation.needed_actions import operations
from tests.unit.cloudformation.template import ACCOUNT, REGION, Template
from tests.unit.cloudformation.test_permissions import KEY, NETWORK, POLICIES

SESSION = botocore.session.get_session()
SERVICES = (
    *("cloudformation", "glue", "resourcegroupstaggingapi", "sagemaker", "service-quotas", "stepfunctions"),
)
ALL = {"KmsKeyArn": KEY, **NETWORK}
# Condition keys of every action: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
GLOBAL = {"aws:SourceAccount", "aws:SecureTransport"}


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of the template's policies with everything that parameters add."""
    for name in POLICIES:
        for document in Template(**ALL).policies(name):
            for statement in document["Statement"]:
                yield f"{name}-{statement['Sid']}", statement


STATEMENTS = dict(statements())


@cache
def rows(action: str) -> list[dict[str, Any]]:
    """What the reference says of an action: a row for each type of resource, and for none."""
    prefix, name = action.split(":")
    found = get_action_data(prefix, name)
    assert found, f"AWS has no action {action}"
    return list(found[prefix])


def arns(action: str) -> set[str]:
    """Forms of the ARNs that an action can be granted on."""
    return {row["resource_arn_format"] for row in rows(action)} - {"*"}


def can_name(arn: str, form: str) -> bool:
    """Whether an ARN of a policy, asterisks included, can be one of a form."""
    mine, theirs = arn.split(":", 5), re.sub(r"\$\{[^}]*\}", "*", form).split(":", 5)
    return all(_overlap(one, other) for one, other in zip(mine, theirs, strict=True))


def _overlap(one: str, other: str) -> bool:
    """Whether some text matches two patterns."""
    if not one or not other:
        return set(one + other) <= {"*"}
    if one[0] == "*":
        return _overlap(one[1:], other) or _overlap(one, other[1:])
    if other[0] == "*":
        return _overlap(other, one)
    return one[0] == other[0] and _overlap(one[1:], other[1:])


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("name", STATEMENTS)
def test_each_action_is_granted_on_what_aws_lets_it_be_granted_on(name: str) -> None:
    statement = STATEMENTS[name]
    actions, resources = listed(statement["Action"]), listed(statement["Resource"])
    if resources == ["*"]:
        assert {action: arns(action) for action in actions if arns(action)} == {}
        return
    for action in actions:
        assert arns(action), f"AWS grants {action} on * only"
        assert [arn for arn in resources for form in arns(action) if can_name(arn, form)], action
    for arn in resources:
        assert any(can_name(arn, form) for action in actions for form in arns(action)), f"{arn}: no action's"


@pytest.mark.parametrize("name", [name for name in STATEMENTS if "Condition" in STATEMENTS[name]])
def test_each_condition_is_on_a_key_that_its_actions_have(name: str) -> None:
    statement = STATEMENTS[name]
    keys = {key for conditions in statement["Condition"].values() for key in conditions}
    found = [row for action in listed(statement["Action"]) for row in rows(action)]
    known = {key for row in found for key in row["condition_keys"]}
    patterns = {re.sub(r"\$\{[^}]*\}", "*", key) for key in known}
    assert {key for key in keys - GLOBAL if not any(_overlap(key, pattern) for pattern in patterns)} == set()


@pytest.mark.parametrize("operation", ACTIONS)
def test_an_action_that_is_called_otherwise_is_one_of_awss(operation: str) -> None:
    service = operation.partition(".")[0]
    assert rows(f"{PREFIXES.get(service, service)}:{ACTIONS[operation]}")


def calls() -> Iterator[tuple[str, str, str]]:
    """Service, operation and IAM's action of everything that AWS grants on all resources alone."""
    for service in SERVICES:
        prefix = PREFIXES.get(service, service)
        for operation in operations(service).values():
            found = get_action_data(prefix, operation)
            if found and {row["resource_arn_format"] for row in found[prefix]} == {"*"}:
                yield service, operation, f"{prefix}:{operation}"


@pytest.mark.parametrize(("service", "operation", "action"), list(calls()))
def test_what_aws_grants_on_everything_alone_is_refused_on_less(
    service: str, operation: str, action: str
) -> None:
    """Whatever its parameters name."""
    shape = SESSION.get_service_model(service).operation_model(operation).input_shape
    parameters = dict.fromkeys(shape.members if shape else (), "a-name")
    (need,) = (
        need
        for need in needs(service, operation, parameters, region=REGION, account=ACCOUNT)
        if need.action == action
    )
    policy = {"Effect": "Allow", "Action": action}
    assert is_allowed([{"Statement": [{**policy, "Resource": "*"}]}], need)
    narrower = f"arn:aws:{action.split(':')[0]}:{REGION}:{ACCOUNT}:*"
    assert not is_allowed([{"Statement": [{**policy, "Resource": narrower}]}], need)
