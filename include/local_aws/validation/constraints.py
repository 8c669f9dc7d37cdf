"""
What a request's parameters have to be by the service's own API model: present, of a length, of a pattern.

botocore ships the models, but its clients check types and lower bounds only; the rest is AWS's to refuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

# The standard library's patterns know no \p{L}.
import regex
from botocore.model import Shape, StructureShape

Parameters = Mapping[str, Any]

# The models are Java's, whose strings are UTF-16: this is how they write every character beyond U+FFFF.
SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"


def violations(shape: StructureShape | None, parameters: Parameters) -> list[str]:
    """
    Say what of a request its model does not allow, in AWS's words.

    :param shape: the operation's input.
    """
    return [] if shape is None else list(_structure(shape, parameters, ""))


def message(found: list[str]) -> str:
    """The message that AWS makes of violations."""
    return f"{len(found)} validation error{'s' * (len(found) > 1)} detected: {'; '.join(found)}"


def _structure(shape: Any, value: Parameters, path: str) -> Iterator[str]:
    # A body is there, though it may be empty.
    body = shape.serialization.get("payload")
    for name in shape.required_members:
        if value.get(name) is None and name != body:
            yield _failed("null", _below(path, name), "not be null")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _value(member, value[name], _below(path, name))


def _value(shape: Any, value: Any, path: str) -> Iterator[str]:
    if constraint := _broken(shape, value):
        yield _failed(f"'{value}'", path, constraint)
    if shape.type_name == "structure" and isinstance(value, Mapping):
        yield from _structure(shape, value, path)
    elif shape.type_name == "list":
        for number, item in enumerate(value, 1):
            yield from _value(shape.member, item, f"{path}.{number}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _value(shape.key, key, f"{path}.key")
            yield from _value(shape.value, item, f"{path}.{key}.member")


def _failed(value: str, path: str, constraint: str) -> str:
    return f"Value {value} at '{path}' failed to satisfy constraint: Member must {constraint}"


def _broken(shape: Shape, value: Any) -> str | None:
    """The first constraint of a value's own shape that it does not keep to."""
    limits: Mapping[str, Any] = shape.metadata
    sized = shape.type_name in ("string", "blob", "list", "map")
    if sized or shape.type_name in ("integer", "long", "float", "double"):
        what, size = ("length", len(value)) if sized else ("value", value)
        if "min" in limits and size < limits["min"]:
            return f"have {what} greater than or equal to {limits['min']}"
        if "max" in limits and size > limits["max"]:
            return f"have {what} less than or equal to {limits['max']}"
    if shape.type_name == "string":
        if "enum" in limits and value not in limits["enum"]:
            return f"satisfy enum value set: [{', '.join(limits['enum'])}]"
        if "pattern" in limits and not _pattern(limits["pattern"]).fullmatch(value):
            return f"satisfy regular expression pattern: {limits['pattern']}"
    return None


@cache
def _pattern(text: str) -> regex.Pattern[str]:
    return regex.compile(text.replace(SURROGATES, r"\U00010000-\U0010FFFF"))


def _below(path: str, name: str) -> str:
    written = name[:1].lower() + name[1:]
    return f"{path}.{written}" if path else written
