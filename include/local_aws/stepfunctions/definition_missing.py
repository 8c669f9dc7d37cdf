"""What AWS takes and the interpreter has not: refused by name when a state machine is made."""

from __future__ import annotations

from collections.abc import Iterator

from include.local_aws.stepfunctions import execution_worker
from include.local_aws.stepfunctions.diagnostics import Diagnostic, Json, State, states, workflows

# moto would write a manifest of no results, and knows no batches.
OF_MAP = ("ItemBatcher", "ResultWriter")
READER = {"InputType", "CSVHeaderLocation", "CSVHeaders", "MaxItems", "MaxItemsPath"}
INPUTS = ("CSV", "JSON")


def missing(definition: Json, text: str) -> Iterator[Diagnostic]:
    """
    What of a good definition cannot be run here.

    :param text: the definition as it was given.
    """
    found = [
        diagnostic
        for workflow in workflows(definition)
        for state in states(workflow)
        for diagnostic in (*_of_map(state), *_of_task(state))
    ]
    yield from found
    if found:
        return
    try:
        execution_worker.parsed(text)
    except Exception as error:  # noqa: BLE001 - whatever it is, the definition cannot be run
        yield Diagnostic(f"The embedded AWS cannot run this definition: {error}", "/")


def _of_task(state: State) -> Iterator[Diagnostic]:
    if ":activity:" in str(state.body.get("Resource", "")):
        yield Diagnostic("The embedded AWS has no activities", f"{state.location}/Resource")


def _of_map(state: State) -> Iterator[Diagnostic]:
    if state.type != "Map":
        return
    for field in OF_MAP:
        if field in state.body:
            yield Diagnostic(f"The embedded AWS has no {field}", f"{state.location}/{field}")
    if isinstance(state.body.get("ItemSelector"), str):
        said = "The embedded AWS has no ItemSelector that is one expression"
        yield Diagnostic(said, f"{state.location}/ItemSelector")
    reader = state.body.get("ItemReader")
    config = reader.get("ReaderConfig") if isinstance(reader, dict) else None
    if not isinstance(config, dict):
        return
    where = f"{state.location}/ItemReader/ReaderConfig"
    for field in config:
        if field not in READER:
            yield Diagnostic(f"The embedded AWS has no {field}", f"{where}/{field}")
    if config.get("InputType", INPUTS[0]) not in INPUTS:
        yield Diagnostic(f"The embedded AWS reads {' and '.join(INPUTS)}", f"{where}/InputType")
