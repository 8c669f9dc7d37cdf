"""
Whether the paths of a definition are paths, and its templates refer to something.

https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html; the words are those
that AWS answered LocalStack (scenarios/test_base_scenarios.snapshot.json, test_illegal_escapes) or that
others measured (the rule pf-sfn-asl-jsonpath-syntax of cdk-preflight).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from moto.stepfunctions.parser.asl.parse.intrinsic.intrinsic_parser import IntrinsicParser

from include.local_aws.moto_corrections.json_paths import parsed
from include.local_aws.moto_corrections.result_paths import steps
from include.local_aws.stepfunctions.diagnostics import Diagnostic, Json, State

PATHS = (
    *(
        "InputPath",
        "OutputPath",
        "TimeoutSecondsPath",
        "HeartbeatSecondsPath",
        "SecondsPath",
        "TimestampPath",
    ),
    *("MaxConcurrencyPath", "ToleratedFailurePercentagePath", "ToleratedFailureCountPath"),
)
REFERENCES = ("ResultPath", "ItemsPath")
# Paths or functions.
EXPRESSIONS = ("ErrorPath", "CausePath")
TEMPLATES = ("Parameters", "ItemSelector", "ResultSelector", "Assign")
NO_PATH = "Value must be a valid JSONPath."
NO_REFERENCE = "Value is not a Reference Path"
VARIABLE_NAME = re.compile(r"[^\W\d][\w]*")


def broken(state: State) -> Iterator[Diagnostic]:
    """What is wrong with the paths of a state."""
    if state.language != "JSONPath":
        return
    for field in PATHS:
        value = state.body.get(field)
        if value is not None and not is_path(value):
            yield Diagnostic(NO_PATH, f"{state.location}/{field}")
    for field in EXPRESSIONS:
        if field in state.body and not is_expression(state.body[field]):
            yield Diagnostic(NO_PATH, f"{state.location}/{field}")
    for location, body in [(state.location, state.body), *state.listed("Catch")]:
        for field in REFERENCES:
            yield from reference(body.get(field), f"{location}/{field}")
        yield from assigned(body, location)
    templates = {field: state.body.get(field) for field in TEMPLATES}
    for location, item in state.listed("Choices"):
        yield from _choice(item, location)
        templates[f"{location.removeprefix(state.location + '/')}/Assign"] = item.get("Assign")
    for field, template in templates.items():
        yield from _template(template, f"{state.location}/{field}")


def reference(value: object, location: str) -> Iterator[Diagnostic]:
    """What is wrong with a path that has to mean one place; None is none."""
    if value is None:
        return
    if not isinstance(value, str) or not value.startswith("$"):
        yield Diagnostic(f"{NO_REFERENCE}: Reference path didn't start with '$'", location)
    elif not _is_variable(value) and not _is_reference(value):
        yield Diagnostic(NO_REFERENCE, location)


def assigned(body: Json, location: str) -> Iterator[Diagnostic]:
    """What is wrong with the names of variables."""
    names = body.get("Assign")
    for name in names if isinstance(names, dict) else ():
        plain = name.removesuffix(".$")
        if plain == "states":
            said = "Cannot assign to reserved variable '$states'."
            yield Diagnostic(said, f"{location}/Assign", "RESERVED_VARIABLE_NAME")
        elif not VARIABLE_NAME.fullmatch(plain):
            said = f"Invalid variable name '{plain}': the variable name contains invalid characters."
            yield Diagnostic(said, f"{location}/Assign", "INVALID_VARIABLE_NAME")


def _choice(rule: Json, location: str) -> Iterator[Diagnostic]:
    for field, value in rule.items():
        if field == "Variable" or (field.endswith("Path") and field != "ResultPath"):
            yield from reference(value, f"{location}/{field}")
        elif field in ("And", "Or") and isinstance(value, list):
            for place, item in enumerate(value):
                if isinstance(item, dict):
                    yield from _choice(item, f"{location}/{field}[{place}]")
        elif field == "Not" and isinstance(value, dict):
            yield from _choice(value, f"{location}/Not")


def _template(value: Any, location: str) -> Iterator[Diagnostic]:
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from _template(item, f"{location}[{place}]")
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if not key.endswith(".$"):
            yield from _template(item, f"{location}/{key}")
        elif not is_expression(item):
            said = (
                f"The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call"
            )
            yield Diagnostic(said, location)


def is_expression(value: object) -> bool:
    """Whether a value is a path or the call of an intrinsic function."""
    return _is_call(value) if isinstance(value, str) and value.startswith("States.") else is_path(value)


@lru_cache(maxsize=1024)
def _is_call(value: str) -> bool:
    try:
        # As it stands in JSON: so the parser takes it.
        IntrinsicParser.parse(json.dumps(value)[1:-1])
    except Exception:  # noqa: BLE001 - whatever the parser says, it is no call of a function
        return False
    return True


def is_path(value: object) -> bool:
    """Whether a value is a path, of the input, of the context or of a variable."""
    if not isinstance(value, str) or not value.startswith("$"):
        return False
    if _is_variable(value):
        return True
    try:
        parsed(value.removeprefix("$") if value.startswith("$$") else value)
    except Exception:  # noqa: BLE001 - whatever the parser says, it is no path
        return False
    return True


def _is_reference(value: str) -> bool:
    try:
        steps(parsed(value.removeprefix("$") if value.startswith("$$") else value))
    except Exception:  # noqa: BLE001 - whatever the parser says, it is no path to one place
        return False
    return True


def _is_variable(value: str) -> bool:
    return bool(VARIABLE_NAME.match(value, 1))
