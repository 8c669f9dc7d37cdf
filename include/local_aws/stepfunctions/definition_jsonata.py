"""
Whether the JSONata of a definition can be read, and refers to what is there.

AWS's codes and words, as measured with ValidateStateMachineDefinition: github.com/floci-io/floci/issues/2670,
issues/2745 and pull/2786. An expression has no context: what it begins with is $states or a variable. What
$states holds where: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html. The words
of a syntax error are jsonata-python's, which quotes less.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from jsonata import Jsonata
from jsonata.jexception import JException

from include.local_aws.stepfunctions.diagnostics import Diagnostic, State

INVALID, UNSUPPORTED = "INVALID_JSONATA_EXPRESSION", "UNSUPPORTED_JSONATA_EXPRESSION"
# Workflows within a state, whose states are looked at by themselves.
INNER = ("Branches", "ItemProcessor", "Iterator")
WITH_RESULT = ("Task", "Parallel", "Map")
# What a node is made of; what stands within a path's steps looks at what the path has found.
OUTER_PARTS = (
    *("lhs", "rhs", "expression", "expressions", "lhs_object", "arguments", "procedure", "body"),
    *("condition", "then", "_else"),
)
INNER_PARTS = ("steps", "stages", "predicate", "group", "terms", "expr")


def broken(state: State) -> Iterator[Diagnostic]:
    """What is wrong with the expressions of a state."""
    if state.language != "JSONata":
        return
    for field, value in state.body.items():
        if field in INNER or field == "Comment":
            continue
        for location, text in _expressions(value, field):
            has_result = state.type in WITH_RESULT and field in ("Output", "Assign")
            absent = {"errorOutput"} if field != "Catch" else set()
            absent |= set() if has_result else {"result"}
            for code, said in _wrong(text, frozenset(absent)):
                yield Diagnostic(said, f"{state.location}/{location}", code)


def _expressions(value: Any, location: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _expressions(item, f"{location}/{key}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _expressions(item, f"{location}[{place}]")
    elif isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        yield location, value[2:-2].strip()


@lru_cache(maxsize=1024)
def _wrong(text: str, absent: frozenset[str]) -> tuple[tuple[str, str], ...]:
    try:
        tree = Jsonata(text).ast
    except JException as error:
        return ((INVALID, str(error)),)
    found = []
    for node, top in _nodes(tree, top=True):
        if node.type == "name" and top:
            found.append(f"Reference to '{node.value}' at the top level is not supported.")
        elif node.type == "variable" and node.value == "$":
            found.append("Reference to '$$' is not supported.")
        elif node.type == "path" and (field := _of_states(node)) in absent:
            found.append(f"Field '$states.{field}' does not exist.")
    return tuple((UNSUPPORTED, said) for said in dict.fromkeys(found))


def _of_states(path: Any) -> str | None:
    first, *further = path.steps
    found = first.type == "variable" and first.value == "states" and further and further[0].type == "name"
    return str(further[0].value) if found else None


def _nodes(part: Any, *, top: bool) -> Iterator[tuple[Any, bool]]:
    """Every node of an expression, with whether it is looked up where the expression begins."""
    if isinstance(part, list | tuple):
        for item in part:
            yield from _nodes(item, top=top)
        return
    if part is None or not hasattr(part, "type"):
        return
    yield part, top
    for name in OUTER_PARTS:
        yield from _nodes(getattr(part, name, None), top=top)
    for name in INNER_PARTS:
        inner = getattr(part, name, None)
        if name == "steps" and inner:
            yield from _nodes(inner[0], top=top)
            inner = inner[1:]
        yield from _nodes(inner, top=False)
