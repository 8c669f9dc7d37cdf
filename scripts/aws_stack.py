"""A CloudFormation stack, changed through change sets: what will happen is known before it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import yaml
from botocore.exceptions import ClientError, WaiterError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef, StackTypeDef

# A stack of this status is one that a change set was made for and nothing else.
IN_REVIEW = "REVIEW_IN_PROGRESS"
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


class DeploymentError(Exception):
    """AWS refused or failed; the message says what and why."""


@dataclass(frozen=True)
class Change:
    """One line of a change set.

    :param action: Add, Modify, Remove, Import or Dynamic.
    :param replacement: whether the resource is made anew: True, False or Conditional; empty where it is not
        modified.
    """

    action: str
    resource: str
    type: str
    replacement: str


@dataclass(frozen=True)
class ChangeSet:
    """A change set that waits to be executed.

    :param creates: whether the stack is new.
    """

    arn: str
    creates: bool
    changes: list[Change]


class _Loader(yaml.SafeLoader):
    """Reads a template's structure; what CloudFormation's functions give does not matter here."""


_Loader.add_multi_constructor("!", lambda *_: None)


def structure(template: str) -> dict[str, Any]:
    """Read a template, with None where a function of CloudFormation stands."""
    loaded: dict[str, Any] = yaml.load(template, Loader=_Loader)  # noqa: S506 - a safe loader
    return loaded


def describe(cloudformation: CloudFormationClient, name: str) -> StackTypeDef | None:
    """Describe a stack; None when there is none."""
    try:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return None


def is_new(stack: StackTypeDef | None) -> bool:
    """Whether a stack is yet to be created."""
    return stack is None or stack["StackStatus"] == IN_REVIEW


def plan(
    cloudformation: CloudFormationClient, name: str, template: str, given: Mapping[str, str]
) -> ChangeSet | None:
    """
    Make a change set that creates or updates the stack.

    :param given: the template's parameters; others keep the value that the stack has
    :return: None when there is nothing to change
    :raises DeploymentError: when CloudFormation refuses the template or a parameter, or the stack is not in a
        state to be changed
    """
    stack = describe(cloudformation, name)
    creates = is_new(stack)
    kept = (
        {}
        if stack is None
        else {it["ParameterKey"]: it["ParameterValue"] for it in stack.get("Parameters", [])}
    )
    known = structure(template)["Parameters"].keys()
    if unknown := given.keys() - known:
        raise DeploymentError(
            f"parameters {', '.join(sorted(unknown))}: unknown; the template has {', '.join(sorted(known))}"
        )
    values = {key: value for key, value in kept.items() if key in known} | dict(given)
    parameters: list[ParameterTypeDef] = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in values.items()
    ]
    try:
        arn = cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=f"deploy-{datetime.now(UTC):%Y%m%d-%H%M%S}",
            ChangeSetType="CREATE" if creates else "UPDATE",
            TemplateBody=template,
            Parameters=parameters,
            Capabilities=["CAPABILITY_IAM"],
            # The bucket and the table that an earlier stack left behind become this one's.
            ImportExistingResources=True,
        )["Id"]
    except ClientError as error:
        raise DeploymentError(f"stack {name}: {error.response['Error']['Message']}") from None
    return _planned(cloudformation, arn, name, creates=creates)


def _planned(cloudformation: CloudFormationClient, arn: str, name: str, *, creates: bool) -> ChangeSet | None:
    try:
        cloudformation.get_waiter("change_set_create_complete").wait(
            ChangeSetName=arn, WaiterConfig={"Delay": 2, "MaxAttempts": 150}
        )
    except WaiterError:
        reason = cloudformation.describe_change_set(ChangeSetName=arn).get("StatusReason", "no reason given")
        no_changes = any(text in reason for text in NO_CHANGES)
        details = "" if no_changes else _invalid(cloudformation, arn)
        discard(cloudformation, ChangeSet(arn, creates, []), name)
        if no_changes:
            return None
        raise DeploymentError(f"stack {name}: {reason}{details}") from None
    changes = []
    for page in cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=arn):
        for item in page["Changes"]:
            change = item["ResourceChange"]
            changes.append(
                Change(
                    change["Action"],
                    change["LogicalResourceId"],
                    change["ResourceType"],
                    change.get("Replacement", ""),
                )
            )
    return ChangeSet(arn, creates, changes)


def _invalid(cloudformation: CloudFormationClient, change_set: str) -> str:
    """Say what the validation of a change set found, a line each: the reason of its failure does not."""
    pages = cloudformation.get_paginator("describe_events").paginate(
        ChangeSetName=change_set, Filters={"FailedEvents": True}
    )
    try:
        return "".join(
            f"\n  {event.get('LogicalResourceId', '')}: {event['ValidationStatusReason']}"
            for page in pages
            for event in page["OperationEvents"]
            if event.get("ValidationStatusReason")
        )
    except ClientError as error:
        return f"\n  the details could not be read: {error}"


def discard(cloudformation: CloudFormationClient, planned: ChangeSet, name: str) -> None:
    """Remove a change set, and the empty stack that was made for it."""
    cloudformation.delete_change_set(ChangeSetName=planned.arn)
    stack = describe(cloudformation, name)
    if stack and stack["StackStatus"] == IN_REVIEW:
        cloudformation.delete_stack(StackName=name)


def execute(cloudformation: CloudFormationClient, planned: ChangeSet, name: str) -> dict[str, str]:
    """
    Execute a change set and wait for its end.

    :return: the stack's outputs
    :raises DeploymentError: when it fails; names the resources that failed, and why
    """
    began = datetime.now(UTC)
    cloudformation.execute_change_set(ChangeSetName=planned.arn)
    try:
        if planned.creates:
            cloudformation.get_waiter("stack_create_complete").wait(
                StackName=name, WaiterConfig={"Delay": 5, "MaxAttempts": 360}
            )
        else:
            cloudformation.get_waiter("stack_update_complete").wait(
                StackName=name, WaiterConfig={"Delay": 5, "MaxAttempts": 360}
            )
    except WaiterError as error:
        raise DeploymentError(f"stack {name}: {error}\n{failures(cloudformation, name, began)}") from None
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}


def failures(cloudformation: CloudFormationClient, name: str, since: datetime) -> str:
    """Say which resources failed since then, and why, the first one first."""
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return "\n".join(
        f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', event['ResourceStatus'])}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED") and event["Timestamp"] >= since
    )
