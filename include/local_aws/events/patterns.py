"""
What moto's matcher of event patterns lets pass.

The cases are those of LocalStack's event_pattern_templates, recorded of AWS; the operators those of
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from typing import Any

from moto.events.exceptions import InvalidEventPatternException
from moto.events.models import EventPattern, EventPatternParser

COMPARISONS = ("<", "<=", "=", ">=", ">")


def install() -> None:
    """Refuse patterns that AWS refuses, and match lists as AWS does."""
    parse, flatten = EventPatternParser.parse, EventPattern._flatten_dict

    def parse_checked(parser: EventPatternParser) -> dict[str, Any]:
        pattern: dict[str, Any] = parse(parser)
        _check(pattern)
        return pattern

    def flatten_lists(node: Any, prefix: str = "", result: dict[str, Any] | None = None) -> Any:
        """Objects of a list are looked into; a list of nothing is nothing."""
        flat = flatten(node, prefix, result)
        for path, value in tuple(flat.items()):
            if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
                del flat[path]
                for item in value:
                    for inner, found in flatten_lists(item, path).items():
                        flat.setdefault(inner, []).extend(found if isinstance(found, list) else [found])
            elif value == []:
                del flat[path]
        return flat

    EventPatternParser.parse = parse_checked
    EventPattern._flatten_dict = staticmethod(flatten_lists)


def is_match(pattern: str, event: str) -> bool:
    """What TestEventPattern answers."""
    return bool(EventPattern.load(pattern).matches_event(json.loads(event)))


def _check(pattern: dict[str, Any]) -> None:
    for name, value in pattern.items():
        if isinstance(value, dict):
            _check(value)
            continue
        for item in value:
            if name == "$or":
                _check(item)
            elif isinstance(item, dict):
                _check_operator(item)


def _check_operator(item: dict[str, Any]) -> None:
    for name, value in item.items():
        if not _OPERATORS.get(name, _never)(value):
            raise InvalidEventPatternException(reason=f"Unrecognized match type, or bad value, at {name}")


def _never(_value: Any) -> bool:
    return False


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _affix(value: Any) -> bool:
    ignoring = isinstance(value, dict) and value.keys() == {"equals-ignore-case"}
    return _text(value) or bool(ignoring and _text(value["equals-ignore-case"]))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _numeric(value: Any) -> bool:
    if not isinstance(value, list) or len(value) not in (2, 4):
        return False
    return all(sign in COMPARISONS for sign in value[::2]) and all(map(_number, value[1::2]))


def _wildcard(value: Any) -> bool:
    return _text(value) and "**" not in value


def _network(value: Any) -> bool:
    try:
        return _text(value) and "/" in value and bool(ipaddress.ip_network(value, strict=False))
    except ValueError:
        return False


def _anything_but(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and (all(map(_text, value)) or all(map(_number, value)))
    if isinstance(value, dict):
        ((name, inner),) = value.items() if len(value) == 1 else (("", None),)
        inners = inner if isinstance(inner, list) else [inner]
        known = name in ("prefix", "suffix", "equals-ignore-case", "wildcard")
        return known and bool(inners) and all(_text(item) and (item or name == "wildcard") for item in inners)
    return _text(value) or _number(value)


_OPERATORS: dict[str, Callable[[Any], bool]] = {
    "prefix": _affix,
    "suffix": _affix,
    "equals-ignore-case": _text,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _network,
    "exists": lambda value: isinstance(value, bool),
}
