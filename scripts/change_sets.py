"""A stack is changed through change sets: what will happen is known before it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, WaiterError

from scripts.aws_stack import (
    DeploymentError,
    describe,
    failures,
    is_new,
    newest_event,
    settled,
    structure,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

# What ends an operation well; a change set that imports may end it as the last one.
DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
STUCK = {
    "ROLLBACK_COMPLETE": "its first creation failed: `make destroy-aws`, then again",
    "ROLLBACK_FAILED": "its first creation failed, and so did the way back: `make destroy-aws`, then again",
    "CREATE_FAILED": "its first creation failed: `make destroy-aws`, then again",
    "DELETE_FAILED": "deleting it failed: `make destroy-aws` tries again, and says why",
    "UPDATE_FAILED": "an update failed and was not undone: `aws cloudformation rollback-stack` undoes it",
    "UPDATE_ROLLBACK_FAILED": "an update failed, and so did the way back: its events say why, and `aws"
    " cloudformation continue-update-rollback` tries again",
}
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


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

    :param stack_id: of the stack; one that is deleted has no other name.
    :param creates: whether the stack is new.
    """

    arn: str
    stack_id: str
    creates: bool
    changes: list[Change]


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
    if stack and not creates:
        _check_status(name, stack["StackStatus"])
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
        made = cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=f"deploy-{datetime.now(UTC):%Y%m%d-%H%M%S}",
            ChangeSetType="CREATE" if creates else "UPDATE",
            TemplateBody=template,
            Parameters=parameters,
            Capabilities=["CAPABILITY_IAM"],
            # The bucket and the table that an earlier stack left behind become this one's.
            ImportExistingResources=True,
        )
    except ClientError as error:
        raise DeploymentError(f"stack {name}: {error.response['Error']['Message']}") from None
    planned = ChangeSet(made["Id"], made["StackId"], creates, [])
    try:
        return _planned(cloudformation, planned, name)
    except BaseException:
        discard(cloudformation, planned)
        raise


def _check_status(name: str, status: str) -> None:
    if status.endswith("_IN_PROGRESS"):
        raise DeploymentError(f"stack {name} is {status}: somebody is changing it; wait for its end")
    if status in STUCK:
        raise DeploymentError(f"stack {name} is {status}: {STUCK[status]}")


def _planned(cloudformation: CloudFormationClient, planned: ChangeSet, name: str) -> ChangeSet | None:
    try:
        cloudformation.get_waiter("change_set_create_complete").wait(
            ChangeSetName=planned.arn, WaiterConfig={"Delay": 2, "MaxAttempts": 150}
        )
    except WaiterError:
        described = cloudformation.describe_change_set(ChangeSetName=planned.arn)
        reason = described.get("StatusReason", "no reason given")
        if any(text in reason for text in NO_CHANGES):
            discard(cloudformation, planned)
            return None
        raise DeploymentError(f"stack {name}: {reason}{_invalid(cloudformation, planned.arn)}") from None
    pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=planned.arn)
    changes = [
        Change(
            change["Action"],
            change["LogicalResourceId"],
            change["ResourceType"],
            change.get("Replacement", ""),
        )
        for page in pages
        for change in (item["ResourceChange"] for item in page["Changes"])
    ]
    return replace(planned, changes=changes)


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


def discard(cloudformation: CloudFormationClient, planned: ChangeSet) -> None:
    """Remove a change set, and the empty stack that was made for it."""
    stack = describe(cloudformation, planned.stack_id)
    try:
        cloudformation.delete_change_set(ChangeSetName=planned.arn)
    except ClientError:
        # One that is still being made cannot be deleted; it goes with its stack.
        if not is_new(stack):
            raise
    if stack and is_new(stack):
        cloudformation.delete_stack(StackName=planned.stack_id)


def execute(cloudformation: CloudFormationClient, planned: ChangeSet, name: str) -> dict[str, str]:
    """
    Execute a change set and wait for its end.

    :return: the stack's outputs
    :raises DeploymentError: when it fails; names the resources that failed, and why
    """
    before = newest_event(cloudformation, planned.stack_id)
    cloudformation.execute_change_set(ChangeSetName=planned.arn)
    stack = settled(cloudformation, planned.stack_id, before)
    if stack is None or stack["StackStatus"] not in DONE:
        status = stack["StackStatus"] if stack else "gone"
        reasons = failures(cloudformation, planned.stack_id, before)
        raise DeploymentError(f"stack {name} is {status}\n{reasons}")
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
