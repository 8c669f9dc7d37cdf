"""So much of the Amazon States Language as the deployment states use, each state by itself."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

MISSING = object()


@cache
def _steps(path: str) -> tuple[str, ...]:
    return tuple(
        path.removeprefix("$$").removeprefix("$").replace("['", ".").replace("']", "").split(".")[1:]
    )


def find(path: str, data: Any, context: Any) -> Any:
    """Follow a path of names; gives ``MISSING`` where there is nothing."""
    here = context if path.startswith("$$") else data
    for name in _steps(path):
        if not isinstance(here, dict) or name not in here:
            return MISSING
        here = here[name]
    return here


def fill(template: Any, data: Any, context: Any) -> Any:
    """Fill a payload template; intrinsic functions are left as they are."""
    if isinstance(template, list):
        return [fill(item, data, context) for item in template]
    if not isinstance(template, dict):
        return template
    filled = {}
    for key, value in template.items():
        if not key.endswith(".$"):
            filled[key] = fill(value, data, context)
        elif value.startswith("States."):
            filled[key.removesuffix(".$")] = value
        else:
            found = find(value, data, context)
            assert found is not MISSING, (key, value)
            filled[key.removesuffix(".$")] = found
    return filled


def put(data: dict[str, Any], path: str | None, result: Any) -> dict[str, Any]:
    """Put a result where ``ResultPath`` says: nowhere, or under one name."""
    if path is None:
        return data
    (name,) = _steps(path)
    return {**data, name: result}


def chosen(state: dict[str, Any], data: Any) -> str:
    """The state that a Choice leads to."""
    return str(next((rule["Next"] for rule in state["Choices"] if _holds(rule, data)), state.get("Default")))


def _holds(rule: dict[str, Any], data: Any) -> bool:
    if "And" in rule:
        return all(_holds(part, data) for part in rule["And"])
    if "Or" in rule:
        return any(_holds(part, data) for part in rule["Or"])
    if "Not" in rule:
        return not _holds(rule["Not"], data)
    value = find(rule["Variable"], data, None)
    if "IsPresent" in rule:
        return bool((value is not MISSING) == rule["IsPresent"])
    assert value is not MISSING, rule
    if "StringEquals" in rule:
        return bool(value == rule["StringEquals"])
    if "StringEqualsPath" in rule:
        return bool(value == find(rule["StringEqualsPath"], data, None))
    if "StringMatches" in rule:
        return fnmatchcase(value, rule["StringMatches"])
    if "NumericLessThan" in rule:
        return bool(value < rule["NumericLessThan"])
    raise NotImplementedError(json.dumps(rule))
