"""
Where a definition's transitions lead: to states that are there, to every state, and to an end.

AWS's words and its order, as measured with ValidateStateMachineDefinition:
github.com/floci-io/floci/pull/2786 and github.com/localstack/localstack/issues/11978.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from include.local_aws.stepfunctions.diagnostics import Diagnostic, Json, State, Workflow, states, workflows

LONGEST_NAME = 80


def broken(definition: Json) -> Iterator[Diagnostic]:
    """What is wrong with the names and the transitions of a definition."""
    found = list(workflows(definition))
    names = Counter(name for workflow in found for name in workflow.states)
    for workflow in found:
        for state in states(workflow):
            if names[state.name] > 1:
                yield Diagnostic(
                    f"Duplicate State name: {state.name}", state.location, "DUPLICATE_STATE_NAME"
                )
                names[state.name] = 0
            if len(state.name) > LONGEST_NAME:
                said = f"The state name exceeds the {LONGEST_NAME}-character limit allowed by the service"
                yield Diagnostic(said, state.location, "INVALID_STATE_NAME")
        yield from _transitions(workflow)


def _transitions(workflow: Workflow) -> Iterator[Diagnostic]:
    reached: set[str] = set()
    edges = {state.name: list(_targets(state)) for state in states(workflow)}
    for location, target in [(f"{workflow.location}/StartAt", workflow.body["StartAt"]), *_all(edges)]:
        if target not in workflow.states:
            said = f"Missing 'Next' target: {target}"
            yield Diagnostic(said, location, "MISSING_TRANSITION_TARGET")
    if not any(_is_end(state) for state in states(workflow)):
        # Where there is no way out, AWS does not go on to look for states that are not reached.
        yield Diagnostic("Workflow has no terminal state", None, "MISSING_END_STATE")
        return
    ahead = [workflow.body["StartAt"]]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += [target for _, target in edges.get(name, ())]
    for state in states(workflow):
        if state.name not in reached:
            said = f'State "{state.name}" is not reachable.'
            yield Diagnostic(said, state.location, "MISSING_TRANSITION_TARGET")


def _all(edges: dict[str, list[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    for found in edges.values():
        yield from found


def _targets(state: State) -> Iterator[tuple[str, str]]:
    for field in ("Next", "Default"):
        if field in state.body:
            yield f"{state.location}/{field}", state.body[field]
    for field in ("Choices", "Catch"):
        for location, item in state.listed(field):
            if "Next" in item:
                yield f"{location}/Next", item["Next"]


def _is_end(state: State) -> bool:
    return state.type in ("Succeed", "Fail") or state.body.get("End") is True
