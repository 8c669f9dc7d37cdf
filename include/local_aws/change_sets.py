"""CloudFormation's updates and change sets, where moto forgets conditions, outputs and what is there."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.models import Change, ChangeSet, CloudFormationBackend, Stack
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult
from moto.dynamodb.models import Table, dynamodb_backends
from moto.s3.models import FakeBucket, s3_backends

log = logging.getLogger(__name__)

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)

# Whether resources that are there already become the stack's.
_adopting: ContextVar[bool] = ContextVar("adopting", default=False)


def install() -> None:
    """Put the corrections in place."""
    parsing.ResourceMap.build_resource_diff = _resource_diff
    parsing.parse_and_update_resource = _update_resource
    ChangeSet.diff = _changes
    ChangeSet.apply = _apply
    Stack.parameter_list = property(_parameter_list)
    # Without those that a condition leaves out, or that nothing here makes.
    Stack.stack_resources = property(lambda stack: [made for made in stack.resource_map.values() if made])
    _remember_imports()
    _adopt(FakeBucket, lambda name, account, _region: s3_backends[account]["aws"].buckets.get(name))
    _adopt(Table, lambda name, account, region: dynamodb_backends[account][region].tables.get(name))


def _resource_diff(
    resources: parsing.ResourceMap, template: dict[str, Any], parameters: dict[str, Any] | None = None
) -> dict[str, list[str]]:
    """
    What an update adds, modifies and removes; what stands under a condition that is false is not there.

    moto would make it, and would not see that a resource changes with a condition or inside a Fn::Sub.
    """
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
    old, new = _wanted(resources), _wanted(after)
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


def _wanted(resources: parsing.ResourceMap) -> dict[str, Any]:
    conditions = getattr(resources, "lazy_condition_map", {})
    return {
        name: resource
        for name, resource in resources._resource_json_map.items()
        if "Condition" not in resource or conditions[resource["Condition"]]
    }


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
    with _adoption(getattr(change_set, "adopts", False)):
        stack.resource_map.update(change_set.template_dict, change_set.parameters)
    stack.template, stack.parameters = change_set.template, change_set.parameters
    stack._parse_template()
    stack.output_map = stack._create_output_map()


def _parameter_list(stack: Stack) -> list[dict[str, str]]:
    return [
        {"ParameterKey": name, "ParameterValue": ",".join(value) if isinstance(value, list) else str(value)}
        for name, value in stack.resource_map.resolved_parameters.items()
    ]


def _remember_imports() -> None:
    """Keep ImportExistingResources, which moto does not read."""
    respond = CloudFormationResponse.create_change_set

    def create_change_set(response: CloudFormationResponse) -> ActionResult:
        result = respond(response)
        backend: CloudFormationBackend = response.cloudformation_backend
        change_set = backend.change_sets[result.result["Id"]]
        change_set.adopts = response._get_bool_param("ImportExistingResources", False)
        if change_set.change_set_type == "UPDATE" and not change_set.changes:
            # moto compares with the parameters that were given at first, the defaults left out.
            change_set.status, change_set.execution_status = "FAILED", "UNAVAILABLE"
            change_set.status_reason = NO_CHANGES
        return result

    CloudFormationResponse.create_change_set = create_change_set


@contextmanager
def _adoption(wanted: bool) -> Iterator[None]:
    token = _adopting.set(wanted)
    try:
        yield
    finally:
        _adopting.reset(token)


def _adopt(model: Any, find: Any) -> None:
    """Let a resource that has the wanted name become the stack's, where that is asked for."""
    create = model.create_from_cloudformation_json

    def create_or_adopt(
        resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **others: Any
    ) -> Any:
        found = find(resource_name, account_id, region_name) if _adopting.get() else None
        return found or create(resource_name, cloudformation_json, account_id, region_name, **others)

    model.create_from_cloudformation_json = create_or_adopt
