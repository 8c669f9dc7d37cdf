"""CloudFormation's updates and change sets, where moto forgets outputs and what is there."""

from __future__ import annotations

import logging
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.models import Change, ChangeSet, CloudFormationBackend, Stack
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

from include.local_aws.cloudformation import existing_resources, stack_events, stack_states
from include.local_aws.cloudformation.resource_diff import described_after, difference, wanted

log = logging.getLogger(__name__)

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


def install() -> None:
    """Put the corrections in place."""
    parsing.ResourceMap.build_resource_diff = difference
    parsing.parse_and_update_resource = _update_resource
    ChangeSet.diff = _changes
    Stack.parameter_list = property(_parameter_list)
    # Without those that a condition leaves out, or that nothing here makes.
    Stack.stack_resources = property(lambda stack: [made for made in stack.resource_map.values() if made])
    stack_events.install()
    _watch_creation()
    existing_resources.install()
    stack_states.install(_apply)


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
    found = difference(change_set.stack.resource_map, change_set.template_dict, change_set.parameters)
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


def _watch_creation() -> None:
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
    after = described_after(change_set.stack.resource_map, change_set.template_dict, change_set.parameters)
    found = existing_resources.find(added, wanted(after), after, _owned(backend))
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
