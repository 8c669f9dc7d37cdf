"""
Which fields a definition's objects have, and of what kind their values are.

The fields of each type of state and AWS's words are those that others measured with
ValidateStateMachineDefinition (the rules pf-sfn-asl-* of cdk-preflight, and
github.com/floci-io/floci/pull/2786 and issues/2968), or that AWS answered LocalStack
(test_sfn_api_validation and test_test_state_machine_scenarios).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from include.local_aws.stepfunctions.diagnostics import Diagnostic, Json, State, Workflow, states

EVERYWHERE = {"Type", "Comment", "QueryLanguage"}
_PATHS = {"InputPath", "OutputPath"}
_RESULT = {*_PATHS, "ResultPath", "Parameters", "Output", "Assign", "Next", "End"}
_TRIED = {*_RESULT, "ResultSelector", "Retry", "Catch"}
_TIMES = {"TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"}
_TOLERATED = {
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
}
_ITEMS = {"ItemProcessor", "Iterator", "ItemsPath", "Items", "ItemSelector", "ItemReader", "ItemBatcher"}
WAITS = ("SecondsPath", "Seconds", "TimestampPath", "Timestamp")
# In the order in which AWS lists them.
FIELDS = {
    "Task": {*_TRIED, *_TIMES, "Arguments", "Resource", "Credentials"},
    "Wait": {*_PATHS, "Output", "Assign", "Next", "End", *WAITS},
    "Pass": {*_RESULT, "Result"},
    "Succeed": {*_PATHS, "Output"},
    "Fail": {"Error", "Cause", "ErrorPath", "CausePath"},
    "Choice": {*_PATHS, "Output", "Assign", "Choices", "Default"},
    "Parallel": {*_TRIED, "Arguments", "Branches"},
    "Map": {
        *(_TRIED | _ITEMS | _TOLERATED),
        *("ResultWriter", "MaxConcurrency", "MaxConcurrencyPath", "Label"),
    },
}
TOP = {"Comment", "QueryLanguage", "StartAt", "TimeoutSeconds", "Version", "States"}
INNER = {"Comment", "StartAt", "States"}
REQUIRED = {"Task": ["Resource"], "Choice": ["Choices"], "Parallel": ["Branches"]}
LANGUAGES = ("JSONPath", "JSONata")
# What only one of the two languages has.
ONLY = {
    "JSONPath": {
        *("InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "Result", "ItemsPath"),
        *("TimeoutSecondsPath", "HeartbeatSecondsPath", "SecondsPath", "TimestampPath", "MaxConcurrencyPath"),
        *("ToleratedFailurePercentagePath", "ToleratedFailureCountPath", "ErrorPath", "CausePath"),
    },
    "JSONata": {"Arguments", "Output", "Items"},
}
# Of each of these at most one.
EXCLUSIVE = [
    ("TimeoutSeconds", "TimeoutSecondsPath"),
    ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ("MaxConcurrency", "MaxConcurrencyPath"),
    ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
    ("Error", "ErrorPath"),
    ("Cause", "CausePath"),
]
KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("Next", "Default", "Comment", "Resource", "Label", "Timestamp", "StartAt"), (str,)),
    **dict.fromkeys(("End",), (bool,)),
    **dict.fromkeys(("Branches", "Choices", "Retry", "Catch", "ErrorEquals"), (list,)),
    **dict.fromkeys(("ItemProcessor", "Iterator", "ItemReader", "ResultWriter", "Assign"), (dict,)),
    **dict.fromkeys(("Parameters", "ItemSelector", "ResultSelector"), (dict,)),
    **dict.fromkeys(("TimeoutSeconds", "HeartbeatSeconds", "Seconds", "MaxConcurrency"), (int,)),
    **dict.fromkeys(("ToleratedFailureCount", "IntervalSeconds", "MaxAttempts", "MaxDelaySeconds"), (int,)),
    **dict.fromkeys(("BackoffRate", "ToleratedFailurePercentage"), (int, float)),
}
NAMES = {str: "String", bool: "Boolean", list: "Array", dict: "Object", int: "Integer", float: "Number"}
LONGEST = 99_999_999
RANGES: dict[str, tuple[int | None, int | None]] = {
    "TimeoutSeconds": (1, LONGEST),
    "HeartbeatSeconds": (1, LONGEST),
    "Seconds": (0, LONGEST),
    "MaxConcurrency": (0, None),
    "MaxAttempts": (0, LONGEST),
    "BackoffRate": (1, None),
    "MaxDelaySeconds": (1, 31_622_400),
    "ToleratedFailurePercentage": (0, 100),
}


def broken(workflow: Workflow) -> Iterator[Diagnostic]:
    """What is wrong with the fields of a workflow and of its states."""
    top = not workflow.location
    yield from required(workflow.body, ["States", "StartAt"], workflow.location or "/")
    processor = {"ProcessorConfig"} if workflow.location.endswith(("/ItemProcessor", "/Iterator")) else set()
    yield from unknown(workflow.body, TOP if top else INNER | processor, workflow.location or "/")
    yield from kinds({key: workflow.body[key] for key in ("StartAt", "Comment") if key in workflow.body}, "")
    if top and workflow.body.get("Version", "1.0") != "1.0":
        yield Diagnostic("Value should be one of the following: [1.0]", "/Version")
    if top and workflow.language not in LANGUAGES:
        yield Diagnostic(f"Value should be one of the following: [{', '.join(LANGUAGES)}]", "/QueryLanguage")
    if "States" in workflow.body and not isinstance(workflow.body["States"], dict):
        yield Diagnostic("Expected value of type Object", f"{workflow.location}/States")
    for state in states(workflow):
        yield from _state(state, workflow)


def _state(state: State, workflow: Workflow) -> Iterator[Diagnostic]:
    where, body = state.location, state.body
    if state.type not in FIELDS:
        said = f"The field 'Type' should have one of these values: [{', '.join(FIELDS)}]"
        yield Diagnostic(said, f"{where}/Type")
        return
    if state.language not in LANGUAGES:
        said = f"Value should be one of the following: [{', '.join(LANGUAGES)}]"
        yield Diagnostic(said, f"{where}/QueryLanguage")
        return
    if workflow.language == "JSONata" and state.language == "JSONPath":
        said = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
        yield Diagnostic(said, where)
        return
    yield from unknown(body, FIELDS[state.type] | EVERYWHERE, where)
    yield from _of_the_other_language(state)
    yield from required(body, REQUIRED.get(state.type, []), where)
    yield from kinds(body, where)
    for pair in EXCLUSIVE:
        yield from one_of(body, pair, where, needed=False)
    if "Next" in FIELDS[state.type]:
        ends = {**body, "End": True} if body.get("End") is True else {**body}
        if body.get("End") is False:
            del ends["End"]
        yield from one_of(ends, ("Next", "End"), where)
    if state.type == "Wait":
        yield from one_of(body, WAITS, where)
    if state.type == "Map":
        yield from one_of(body, ("ItemProcessor", "Iterator"), where)


def _of_the_other_language(state: State) -> Iterator[Diagnostic]:
    other = "JSONata" if state.language == "JSONPath" else "JSONPath"
    for field in state.body:
        if field in ONLY[other]:
            yield Diagnostic(
                f"The QueryLanguage is set to '{state.language}', but field '{field}' is only supported "
                f"for the '{other}' QueryLanguage",
                state.location,
            )


def required(body: Json, names: Sequence[str], where: str) -> Iterator[Diagnostic]:
    """Fields that are not there."""
    if missing := [name for name in names if name not in body]:
        yield Diagnostic(f"These fields are required: [{', '.join(missing)}]", where)


def unknown(body: Json, names: set[str], where: str) -> Iterator[Diagnostic]:
    """Fields that an object of this kind does not have."""
    for name in body:
        if name not in names:
            yield Diagnostic(f"Field '{name}' is not supported", where)


def one_of(body: Json, names: Sequence[str], where: str, *, needed: bool = True) -> Iterator[Diagnostic]:
    """Fields that rule each other out."""
    found = [name for name in names if name in body]
    listed = f"[{', '.join(names)}]"
    if len(found) > 1:
        yield Diagnostic(f"There should only be one of the following fields: {listed}", where)
    elif needed and not found:
        yield Diagnostic(f"This object should have only one of the following fields: {listed}", where)


def kinds(body: Json, where: str) -> Iterator[Diagnostic]:
    """Values of another kind than their fields are of, empty, or out of range."""
    for name, value in body.items():
        expected = KINDS.get(name)
        if expected is None or (isinstance(value, str) and value.startswith("{%")):
            continue
        if not isinstance(value, expected) or (isinstance(value, bool) and expected != (bool,)):
            yield Diagnostic(f"Expected value of type {NAMES[expected[-1]]}", f"{where}/{name}")
            continue
        if name in ("Branches", "Choices", "ErrorEquals") and not value:
            yield Diagnostic("Value cannot be empty", f"{where}/{name}")
        least, most = RANGES.get(name, (None, None))
        if not isinstance(value, int | float):
            continue
        if least is not None and value < least:
            yield Diagnostic(f"Minimum value is {least}", f"{where}/{name}")
        if most is not None and value > most:
            yield Diagnostic(f"Maximum value is {most}", f"{where}/{name}")
