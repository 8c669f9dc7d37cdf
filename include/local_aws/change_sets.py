"""CloudFormation's updates and change sets, where moto forgets conditions, outputs and what is there."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.models import Change, ChangeSet, CloudFormationBackend, Stack
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

from include.local_aws import existing_resources, stack_states

log = logging.getLogger(__name__)

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
# How many events AWS puts on a page is not said; few, so that nobody counts on one page.
EVENTS_PAGE = 2
_PSEUDO = re.compile(r"\$\{(AWS::[A-Za-z]+)\}")
_PSEUDO_ONLY = re.compile(r"([^$]|\$\{AWS::[A-Za-z]+\})*")


def install() -> None:
    """Put the corrections in place."""
    parsing.ResourceMap.build_resource_diff = _resource_diff
    parsing.parse_and_update_resource = _update_resource
    ChangeSet.diff = _changes
    Stack.parameter_list = property(_parameter_list)
    # Without those that a condition leaves out, or that nothing here makes.
    Stack.stack_resources = property(lambda stack: [made for made in stack.resource_map.values() if made])
    CloudFormationResponse.describe_events = _describe_events
    CloudFormationResponse.describe_stack_events = _describe_stack_events
    _create_change_set()
    existing_resources.install()
    stack_states.install(_apply)


def _resource_diff(
    resources: parsing.ResourceMap, template: dict[str, Any], parameters: dict[str, Any] | None = None
) -> dict[str, list[str]]:
    """
    What an update adds, modifies and removes; what stands under a condition that is false is not there.

    moto would make it, and would not see that a resource changes with a condition or inside a Fn::Sub.
    """
    after = _after(resources, template, parameters)
    old, new = _literal(_wanted(resources), resources), _literal(_wanted(after), after)
    changed = _changed(resources, after)
    return {
        "Add": [name for name in new if name not in old],
        "Modify": [
            name
            for name in new
            if name in old and (new[name] != old[name] or changed & _references(new[name]))
        ],
        "Remove": [name for name in old if name not in new],
    }


def _after(
    resources: parsing.ResourceMap, template: dict[str, Any], parameters: dict[str, Any] | None
) -> parsing.ResourceMap:
    """Describe the stack as it is to be."""
    after = parsing.ResourceMap(
        resources.stack_id,
        resources["AWS::StackName"],
        {**resources.input_parameters, **(parameters or {})},
        {},
        region_name=resources._region_name,
        account_id=resources._account_id,
        template=template,
        cross_stack_resources=resources.cross_stack_resources,
    )
    after.load()
    return after


def _wanted(resources: parsing.ResourceMap) -> dict[str, Any]:
    conditions = getattr(resources, "lazy_condition_map", {})
    return {
        name: resource
        for name, resource in resources._resource_json_map.items()
        if "Condition" not in resource or conditions[resource["Condition"]]
    }


def _literal(value: Any, resources: parsing.ResourceMap) -> Any:
    """Write a Fn::Sub of nothing but pseudo parameters out: a template that says the same is no change."""
    if isinstance(value, list):
        return [_literal(item, resources) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(text := value.get("Fn::Sub"), str) and _PSEUDO_ONLY.fullmatch(text):
        return _PSEUDO.sub(lambda found: str(resources[found[1]]), text)
    return {key: _literal(item, resources) for key, item in value.items()}


def _changed(before: parsing.ResourceMap, after: parsing.ResourceMap) -> set[str]:
    """Names of the parameters and conditions that have another value after."""
    pairs: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...] = (
        (before.resolved_parameters, after.resolved_parameters),
        (getattr(before, "lazy_condition_map", {}), after.lazy_condition_map),
    )
    return {name for old, new in pairs for name in new if name not in old or old[name] != new[name]}


def _references(value: Any) -> set[str]:
    """Names of parameters, resources and conditions that a resource mentions."""
    if isinstance(value, list):
        return {name for item in value for name in _references(item)}
    if not isinstance(value, dict):
        return set()
    found = {name for item in value.values() for name in _references(item)}
    if isinstance(reference := value.get("Ref"), str):
        found.add(reference)
    if condition := value.get("Fn::If"):
        found.add(condition[0])
    if isinstance(text := value.get("Fn::Sub"), str):
        found |= set(re.findall(r"\$\{([^.}]+)", text))
    return found


def _update_resource(
    logical_id: str,
    resource_json: dict[str, Any],
    resources_map: parsing.ResourceMap,
    account_id: str,
    region_name: str,
) -> Any:
    original = resources_map[logical_id]
    updated = _parse_and_update(logical_id, resource_json, resources_map, account_id, region_name)
    if updated is None:
        # moto would forget the resource.
        log.warning("%s is left as it was: nothing here updates a %s", logical_id, resource_json["Type"])
    return updated or original


_parse_and_update = parsing.parse_and_update_resource


def _changes(change_set: ChangeSet) -> list[Change]:
    found = _resource_diff(change_set.stack.resource_map, change_set.template_dict, change_set.parameters)
    old = change_set.stack.resource_map._resource_json_map
    types = {**old, **change_set.template_dict["Resources"]}
    return [
        Change(action=action, logical_resource_id=name, resource_type=types[name]["Type"])
        for action, names in found.items()
        for name in names
    ]


def _apply(change_set: ChangeSet) -> None:
    stack = change_set.stack
    with existing_resources.adoption(change_set.adopted):
        stack.resource_map.update(change_set.template_dict, change_set.parameters)
    stack.template, stack.parameters = change_set.template, change_set.parameters
    stack._parse_template()
    stack.output_map = stack._create_output_map()


def _parameter_list(stack: Stack) -> list[dict[str, str]]:
    return [
        {"ParameterKey": name, "ParameterValue": ",".join(value) if isinstance(value, list) else str(value)}
        for name, value in stack.resource_map.resolved_parameters.items()
    ]


def _create_change_set() -> None:
    """Look at what exists already, and at the stack's state, which moto does not."""
    respond = CloudFormationResponse.create_change_set

    def create_change_set(response: CloudFormationResponse) -> ActionResult:
        backend: CloudFormationBackend = response.cloudformation_backend
        name, change = response._get_param("StackName"), response._get_param("ChangeSetName")
        in_review = stack_states.check(backend, name, change, response._get_param("ChangeSetType", "CREATE"))
        result = respond(response)
        change_set = backend.change_sets[result.result["Id"]]
        if in_review:
            stack_states.keep(backend, in_review, change_set)
            result.result["StackId"] = in_review.stack_id
        if change_set.change_set_type == "UPDATE" and not change_set.changes:
            # moto compares with the parameters that were given at first, the defaults left out.
            _fail(change_set, NO_CHANGES)
        imports = response._get_bool_param("ImportExistingResources", False)
        _look_for_existing(backend, change_set, imports=imports)
        return result

    CloudFormationResponse.create_change_set = create_change_set


def _look_for_existing(backend: CloudFormationBackend, change_set: ChangeSet, *, imports: bool) -> None:
    added = {change.logical_resource_id: change for change in change_set.changes if change.action == "Add"}
    after = _after(change_set.stack.resource_map, change_set.template_dict, change_set.parameters)
    found = existing_resources.find(added, _wanted(after), after, _owned(backend))
    adopted = [it for it in found if imports and it.adoptable]
    change_set.adopted = frozenset(it.name for it in adopted)
    for it in adopted:
        added[it.logical_id].action = "Import"
    change_set.refused = [it for it in found if it not in adopted]
    if change_set.refused:
        _fail(change_set, existing_resources.REFUSED)


def _owned(backend: CloudFormationBackend) -> set[str]:
    """Names of what stacks have."""
    made = (resource for stack in backend.stacks.values() for resource in stack.stack_resources)
    return {resource.physical_resource_id for resource in made if hasattr(resource, "physical_resource_id")}


def _fail(change_set: ChangeSet, reason: str) -> None:
    change_set.status, change_set.execution_status = "FAILED", "UNAVAILABLE"
    change_set.status_reason = reason


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
