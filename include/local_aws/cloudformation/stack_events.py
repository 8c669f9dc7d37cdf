"""CloudFormation's events: of a stack page by page, and of a change set, which moto has none of."""

from __future__ import annotations

from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

# How many events AWS puts on a page is not said; few, so that nobody counts on one page.
EVENTS_PAGE = 2


def install() -> None:
    """Answer as AWS does."""
    CloudFormationResponse.describe_events = _describe_events
    CloudFormationResponse.describe_stack_events = _describe_stack_events


def _describe_stack_events(response: CloudFormationResponse) -> ActionResult:
    """Give events page by page, the newest first, as AWS does."""
    events = response.cloudformation_backend.describe_stack_events(response._get_param("StackName"))[::-1]
    first = int(response._get_param("NextToken") or 0)
    following = first + EVENTS_PAGE
    page = {"StackEvents": events[first:following]}
    return ActionResult(page | ({"NextToken": str(following)} if following < len(events) else {}))


def _describe_events(response: CloudFormationResponse) -> ActionResult:
    """DescribeEvents of a change set, which moto lacks."""
    change_set = response.cloudformation_backend.describe_change_set(response._get_param("ChangeSetName"))
    return ActionResult(
        {
            "OperationEvents": [
                {
                    "EventId": f"{change_set.change_set_id}/{it.logical_id}",
                    "StackId": change_set.stack_id,
                    "OperationType": "CREATE_CHANGESET",
                    "EventType": "VALIDATION_ERROR",
                    "LogicalResourceId": it.logical_id,
                    "ResourceType": it.type,
                    "Timestamp": change_set.creation_time,
                    "ValidationFailureMode": "FAIL",
                    "ValidationName": "NAME_CONFLICT_VALIDATION",
                    "ValidationStatus": "FAILED",
                    "ValidationStatusReason": it.reason,
                    "ValidationPath": f"/Resources/{it.logical_id}",
                }
                for it in change_set.refused
            ]
        }
    )
