"""What an update of a CloudFormation stack changes, conditions and parameters considered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from moto.cloudformation import parsing

_PSEUDO = re.compile(r"\$\{(AWS::[A-Za-z]+)\}")
_PSEUDO_ONLY = re.compile(r"([^$]|\$\{AWS::[A-Za-z]+\})*")


def difference(
    resources: parsing.ResourceMap, template: dict[str, Any], parameters: dict[str, Any] | None = None
) -> dict[str, list[str]]:
    """
    What an update adds, modifies and removes; what stands under a condition that is false is not there.

    moto would make it, and would not see that a resource changes with a condition or inside a Fn::Sub.
    """
    after = described_after(resources, template, parameters)
    old, new = _literal(wanted(resources), resources), _literal(wanted(after), after)
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


def described_after(
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


def wanted(resources: parsing.ResourceMap) -> dict[str, Any]:
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
