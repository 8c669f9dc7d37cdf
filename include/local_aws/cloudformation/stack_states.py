"""CloudFormation's states of a stack: which change sets they allow, and the way back when one fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import CloudFormationError, ValidationError
from moto.cloudformation.models import ChangeSet, CloudFormationBackend, Event, Stack

log = logging.getLogger(__name__)

IN_REVIEW = "REVIEW_IN_PROGRESS"
FAILED = "Resource(s) failed. Rollback requested by user."
_UPDATABLE = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
)


class InvalidChangeSetStatus(CloudFormationError):  # type: ignore[misc]
    """A change set that cannot be executed."""

    code = "InvalidChangeSetStatusException"

    def __init__(self, change_set: ChangeSet) -> None:
        super().__init__(
            f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current status of"
            f" [{change_set.status}]"
        )


def install(apply: Callable[[ChangeSet], None]) -> None:
    """
    Put the states in place.

    :param apply: does what a change set says.
    """

    def execute(backend: CloudFormationBackend, change_set_name: str, **_: Any) -> None:
        change_set = backend.describe_change_set(change_set_name)
        if change_set is None or change_set.execution_status != "AVAILABLE":
            raise InvalidChangeSetStatus(change_set)
        stack, kind = change_set.stack, change_set.change_set_type
        before = stack.template, stack.parameters
        stack.resource_map.failed = None
        stack._add_stack_event(f"{kind}_IN_PROGRESS", resource_status_reason="User Initiated")
        try:
            apply(change_set)
        except Exception:
            log.exception("stack %s: its change set failed", stack.name)
            change_set.execution_status = "EXECUTE_FAILED"
            _tell(stack)
            if kind == "CREATE":
                _undo_creation(stack, change_set)
            else:
                _undo_update(stack, *before)
            return
        change_set.execution_status = "EXECUTE_COMPLETE"
        _enter(stack, f"{kind}_COMPLETE")

    for function, status in (("create", "CREATE_FAILED"), ("update", "UPDATE_FAILED")):
        _remember_failure(f"parse_and_{function}_resource", status)
    CloudFormationBackend.execute_change_set = execute


def _remember_failure(function: str, status: str) -> None:
    """Keep which resource could not be made or updated."""
    call = getattr(parsing, function)

    def remembering(
        logical_id: str, resource_json: dict[str, Any], resources_map: parsing.ResourceMap, **others: Any
    ) -> Any:
        try:
            return call(logical_id, resource_json, resources_map, **others)
        except Exception as error:
            # The first is the one that failed; the others needed it.
            if not getattr(resources_map, "failed", None):
                resources_map.failed = (logical_id, resource_json["Type"], status, str(error))
            raise

    setattr(parsing, function, remembering)


def check(backend: CloudFormationBackend, name: str, change_set: str, kind: str) -> Stack | None:
    """
    Say whether a stack takes a change set of a kind.

    :return: the stack, when it is one that change sets were made for and nothing else.
    :raises ValidationError: when it does not.
    """
    stack = next((it for it in backend.stacks.values() if name in (it.name, it.stack_id)), None)
    if stack is None:
        return None
    if kind == "CREATE":
        if stack.status == IN_REVIEW:
            return stack
        raise ValidationError(
            message=f"Stack [{stack.name}] already exists and cannot be created again with the changeSet"
            f" [{change_set}]."
        )
    if stack.status not in _UPDATABLE:
        raise ValidationError(
            message=f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated."
        )
    return None


def keep(backend: CloudFormationBackend, stack: Stack, change_set: ChangeSet) -> None:
    """Give a change set to the stack in review, where moto makes a second one of that name."""
    del backend.stacks[change_set.stack_id]
    change_set.stack, change_set.stack_id = stack, stack.stack_id


def _enter(stack: Stack, status: str, reason: str | None = None) -> None:
    stack.status = status
    stack._add_stack_event(status, resource_status_reason=reason)


def _tell(stack: Stack) -> None:
    """Put the resource that failed among the events."""
    nothing = (stack.name, "AWS::CloudFormation::Stack", "UPDATE_FAILED", "a resource could not be deleted")
    logical_id, resource_type, status, reason = stack.resource_map.failed or nothing
    event = Event(
        stack_id=stack.stack_id,
        stack_name=stack.name,
        logical_resource_id=logical_id,
        physical_resource_id="",
        resource_type=resource_type,
        resource_status=status,
        resource_status_reason=reason,
        resource_properties=None,
    )
    stack.events.append(event)


def _undo_creation(stack: Stack, change_set: ChangeSet) -> None:
    _enter(stack, "ROLLBACK_IN_PROGRESS", FAILED)
    for name, resource in stack.resource_map._resource_json_map.items():
        if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
            made = stack.resource_map._parsed_resources.get(name)
            adopted = getattr(made, "physical_resource_id", None) in change_set.adopted
            resource["DeletionPolicy"] = "Retain" if adopted else "Delete"
    stack.resource_map.delete()
    # moto would make whatever it is asked for, and not find it made.
    stack.resource_map._resource_json_map = {}
    stack.template, stack.parameters = change_set.template, change_set.parameters
    _enter(stack, "ROLLBACK_COMPLETE")


def _undo_update(stack: Stack, template: str, parameters: dict[str, str]) -> None:
    _enter(stack, "UPDATE_ROLLBACK_IN_PROGRESS", FAILED)
    try:
        stack.resource_map.update(Stack.parse_template(template), parameters)
    except Exception as error:
        log.exception("stack %s: the way back failed", stack.name)
        _enter(stack, "UPDATE_ROLLBACK_FAILED", str(error))
    else:
        _enter(stack, "UPDATE_ROLLBACK_COMPLETE")
