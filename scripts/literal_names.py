"""The names of what outlives a stack, written out in the template that is sent.

CloudFormation takes an existing resource over only where the template says its name, not how to build it:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import yaml

RETAINED = ("Retain", "RetainExceptOnCreate")


def with_literal_names(template: str, pseudo_parameters: Mapping[str, str]) -> str:
    """
    Write out those properties of retained resources that are built from pseudo parameters alone.

    :param pseudo_parameters: values, by name, such as ``AWS::StackName``
    """
    for node in reversed(list(_retained_properties(yaml.compose(template, yaml.SafeLoader)))):
        if node.tag == "!Sub" and isinstance(node, yaml.ScalarNode):
            value = re.sub(
                r"\$\{([^}]+)}", lambda found: pseudo_parameters.get(found[1], found[0]), node.value
            )
            if "${" not in value:
                template = template[: node.start_mark.index] + f'"{value}"' + template[node.end_mark.index :]
    return template


def _retained_properties(template: yaml.Node | None) -> Iterator[yaml.Node]:
    for resource in _members(_members(template).get("Resources")).values():
        members = _members(resource)
        policy = members.get("DeletionPolicy")
        if policy is not None and policy.value in RETAINED:
            yield from _members(members.get("Properties")).values()


def _members(node: yaml.Node | None) -> dict[str, yaml.Node]:
    return {key.value: value for key, value in node.value} if node else {}
