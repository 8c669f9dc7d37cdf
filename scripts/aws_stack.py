"""A CloudFormation stack: what it is, and the end of what is done to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import yaml
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef, StackTypeDef

# A stack of this status is one that a change set was made for and nothing else.
IN_REVIEW = "REVIEW_IN_PROGRESS"
DELETED = "DELETE_COMPLETE"
POLL_SECONDS, LONGEST_SECONDS = 5, 1800


class DeploymentError(Exception):
    """AWS refused or failed; the message says what and why."""


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


def newest_event(cloudformation: CloudFormationClient, stack: str) -> str:
    """
    Remember where a stack's events end, before something is done to it: clocks differ, events do not.

    :param stack: its ID
    """
    return cloudformation.describe_stack_events(StackName=stack)["StackEvents"][0]["EventId"]


def settled(cloudformation: CloudFormationClient, stack: str, before: str) -> StackTypeDef | None:
    """
    Wait until what was begun has ended, and describe the stack; None when it is gone.

    :param stack: its ID, as one that is deleted cannot be found by its name
    :param before: from :func:`newest_event`; what AWS shows without a newer one is the state of then
    :raises DeploymentError: when that takes too long
    """
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        found = describe(cloudformation, stack)
        if found is None or found["StackStatus"] == DELETED:
            return found
        began = next(_events(cloudformation, stack, before), None)
        if began and not found["StackStatus"].endswith("_IN_PROGRESS"):
            return found
        if time.monotonic() > deadline:
            raise DeploymentError(
                f"stack {found['StackName']} is still {found['StackStatus']} after {LONGEST_SECONDS} s;"
                " it goes on"
            )
        time.sleep(POLL_SECONDS)


def failures(cloudformation: CloudFormationClient, stack: str, before: str) -> str:
    """
    Say which resources failed since then, and why, the first one first.

    :param stack: its ID
    :param before: from :func:`newest_event`
    """
    return "\n".join(
        f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', event['ResourceStatus'])}"
        for event in reversed(list(_events(cloudformation, stack, before)))
        if event["ResourceStatus"].endswith("_FAILED")
    )


def _events(cloudformation: CloudFormationClient, stack: str, before: str) -> Iterator[StackEventTypeDef]:
    """Yield the events after one, the newest first."""
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
        for event in page["StackEvents"]:
            if event["EventId"] == before:
                return
            yield event
