"""Fills in what a compiled definition leaves open: names in braces, as CloudFormation's substitutions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachine.html
(DefinitionSubstitutions). Beyond those, a name can stand for a list, and for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from retraining.errors import CompileError

Value = str | tuple[str, ...]
_NAME = re.compile(r"\$\{(\w+)\}")
_NOTHING = object()


def fill_in(definition: Mapping[str, Any], values: Mapping[str, Value]) -> dict[str, Any]:
    """Put the values in the places of their names.

    A text that is a name alone becomes its value; where that is empty, its key is left out, and so is what
    would then be empty. In a list, the items of a list take the name's place.

    :raises CompileError: for a name without a value, and for an empty one within a longer text.
    """
    filled: dict[str, Any] = _filled(definition, values)
    return filled


def _filled(value: Any, values: Mapping[str, Value]) -> Any:
    if isinstance(value, str):
        return _text(value, values)
    if isinstance(value, Mapping):
        items = {key: _filled(item, values) for key, item in value.items()}
        left = {key: item for key, item in items.items() if item is not _NOTHING}
        return left if left or not items else _NOTHING
    if isinstance(value, list):
        found = [_filled(item, values) for item in value]
        spliced = [one for item in found for one in (item if isinstance(item, tuple) else (item,))]
        kept = [item for item in spliced if item is not _NOTHING]
        return kept if kept or not found else _NOTHING
    return value


def _text(text: str, values: Mapping[str, Value]) -> Any:
    if unknown := [name for name in _NAME.findall(text) if name not in values]:
        raise CompileError(f"${{{unknown[0]}}} in {text!r} must be one of {', '.join(values)}")
    if alone := _NAME.fullmatch(text):
        return values[alone[1]] or _NOTHING
    return _NAME.sub(lambda found: _within(found[1], text, values), text)


def _within(name: str, text: str, values: Mapping[str, Value]) -> str:
    value = values[name]
    if not value or not isinstance(value, str):
        raise CompileError(f"${{{name}}} in {text!r} must be a text, but is {value!r}")
    return value
