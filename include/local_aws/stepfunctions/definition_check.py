"""
Refuses the definitions that AWS refuses, when a state machine is made or updated and when it is only asked
about.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html:
there, what is wrong with a definition is an answer, not an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import InvalidDefinition
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from include.local_aws.stepfunctions import (
    definition_fields,
    definition_graph,
    definition_jsonata,
    definition_missing,
    definition_paths,
    definition_values,
)
from include.local_aws.stepfunctions.diagnostics import Diagnostic, Json, states, workflows

MOST_RESULTS = 100


def install() -> None:
    """Put it in place."""
    # It was looked at before.
    StepFunctionsParserBackend._validate_definition = staticmethod(lambda **_: None)
    StepFunctionResponse.validate_state_machine_definition = _validate


@lru_cache(maxsize=64)
def diagnostics(definition: str, *, express: bool = False) -> tuple[Diagnostic, ...]:
    """What is wrong with a definition; nothing when it is a good one."""
    if not definition.strip():
        return (Diagnostic("Definition must be a valid JSON object"),)
    try:
        read = json.loads(definition)
    except json.JSONDecodeError as error:
        where = f'[Source: (String)"{definition[:500]}"; line: {error.lineno}, column: {error.colno}]'
        return (Diagnostic(f"{error.msg}\n at {where}", where, "INVALID_JSON_DESCRIPTION"),)
    if not isinstance(read, dict):
        return (Diagnostic("Definition must be a valid JSON object"),)
    found = tuple(_broken(read, express=express))
    return found or tuple(definition_missing.missing(read, definition))


def _broken(definition: Json, *, express: bool) -> Iterator[Diagnostic]:
    found: list[Diagnostic] = []
    for workflow in workflows(definition):
        found += definition_fields.broken(workflow)
    if not found:
        for workflow in workflows(definition):
            for state in states(workflow):
                found += definition_values.broken(state, express=express)
                found += definition_paths.broken(state)
                found += definition_jsonata.broken(state)
    # A graph is looked at only where its states are what they should be.
    yield from found or definition_graph.broken(definition)


def refuse(definition: str, *, express: bool = False) -> None:
    """
    Let nothing be made of a definition that is not a good one.

    :param express: whether it is to be an express state machine.
    :raises InvalidDefinition: with everything that is wrong.
    """
    if found := diagnostics(definition, express=express):
        said = ", ".join(str(diagnostic) for diagnostic in found)
        raise InvalidDefinition(f"Invalid State Machine Definition: '{said}'")


def _validate(response: StepFunctionResponse) -> ActionResult:
    express = response._get_param("type") == "EXPRESS"
    found = [
        {
            "severity": "ERROR",
            "code": diagnostic.code,
            "message": diagnostic.message,
            **({"location": diagnostic.location} if diagnostic.location else {}),
        }
        for diagnostic in diagnostics(response._get_param("definition"), express=express)
    ]
    most = response._get_param("maxResults") or MOST_RESULTS
    return ActionResult(
        {"result": "FAIL" if found else "OK", "diagnostics": found[:most], "truncated": len(found) > most}
    )
