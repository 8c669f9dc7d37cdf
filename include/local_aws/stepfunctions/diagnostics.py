"""What is wrong with a definition, and the parts of one that rules look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SCHEMA = "SCHEMA_VALIDATION_FAILED"


@dataclass(frozen=True)
class Diagnostic:
    """
    One thing that is wrong.

    :param message: in AWS's words, where they are known.
    :param location: where in the definition, such as ``/States/Gate/Choices[0]/Next``; of some there is none.
    """

    message: str
    location: str | None = None
    code: str = SCHEMA

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f" at {self.location}" if self.location else "")


@dataclass(frozen=True)
class Workflow:
    """
    A state machine, a branch of a Parallel state or what a Map state does with an item.

    :param location: where it is; empty for the state machine.
    :param language: QueryLanguage of the states that name none.
    """

    body: Json
    location: str
    language: str

    @property
    def states(self) -> dict[str, Json]:
        """Those of its states that are objects."""
        found = self.body.get("States")
        return {key: state for key, state in found.items() if isinstance(state, dict)} if found else {}


@dataclass(frozen=True)
class State:
    """A state with its name, its place and the language that its fields are written in."""

    name: str
    body: Json
    location: str
    language: str

    @property
    def type(self) -> str:
        """Its Type; empty when it has none."""
        return str(self.body.get("Type", ""))

    def listed(self, field: str) -> Iterator[tuple[str, Json]]:
        """The objects that a field lists, each with its location."""
        found = self.body.get(field)
        for place, item in enumerate(found if isinstance(found, list) else ()):
            if isinstance(item, dict):
                yield f"{self.location}/{field}[{place}]", item


def workflows(definition: Json) -> Iterator[Workflow]:
    """The state machine and every workflow within it."""
    yield from _within(Workflow(definition, "", str(definition.get("QueryLanguage", "JSONPath"))))


def _within(workflow: Workflow) -> Iterator[Workflow]:
    yield workflow
    for state in states(workflow):
        inner = list(state.listed("Branches"))
        for field in ("ItemProcessor", "Iterator"):
            if isinstance(processor := state.body.get(field), dict):
                inner.append((f"{state.location}/{field}", processor))
        for location, body in inner:
            yield from _within(Workflow(body, location, workflow.language))


def states(workflow: Workflow) -> Iterator[State]:
    """The states of a workflow, not those of workflows within it."""
    for name, body in workflow.states.items():
        language = str(body.get("QueryLanguage", workflow.language))
        yield State(name, body, f"{workflow.location}/States/{name}", language)
