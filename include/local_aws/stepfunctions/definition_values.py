"""
What a definition says of errors, choices, times and resources, beyond paths.

AWS's words, as it answered LocalStack (the recorded InvalidDefinition answers) or as others measured them
with ValidateStateMachineDefinition (the rules pf-sfn-asl-* of cdk-preflight).
"""

from __future__ import annotations

from collections.abc import Iterator

from include.local_aws.moto_corrections.choice_values import timestamp
from include.local_aws.stepfunctions import integration_requests
from include.local_aws.stepfunctions.definition_fields import kinds, one_of, required, unknown
from include.local_aws.stepfunctions.diagnostics import Diagnostic, Json, State

ORDERED = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
COMPARED: dict[str, type | tuple[type, ...]] = {"String": str, "Numeric": (int, float), "Timestamp": str}
VALUES: dict[str, tuple[str, type | tuple[type, ...]]] = {
    f"{kind}{order}": (kind, type_) for kind, type_ in COMPARED.items() for order in ORDERED
}
VALUES["BooleanEquals"] = ("Boolean", bool)
COMPARISONS = [
    *VALUES,
    *(f"{name}Path" for name in VALUES),
    "StringMatches",
    *("IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"),
]
KINDS_OF_RULE = ("And", "Or", "Not", "Variable", "Condition")
RETRIER = {
    *("ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds"),
    *("JitterStrategy", "Comment"),
}
CATCHER = {"ErrorEquals", "Next", "ResultPath", "Output", "Assign", "Comment"}
NO_TIMESTAMP = "String does not match RFC3339 timestamp"


def broken(state: State, *, express: bool) -> Iterator[Diagnostic]:
    """
    What is wrong with a state.

    :param express: whether the state machine is an express one, which cannot wait for jobs.
    """
    for field, fields, needed in (
        ("Retry", RETRIER, ["ErrorEquals"]),
        ("Catch", CATCHER, ["ErrorEquals", "Next"]),
    ):
        handlers = list(state.listed(field))
        for place, (location, handler) in enumerate(handlers):
            last = place == len(handlers) - 1
            yield from _handler(handler, location, fields, needed, last=last)
    if state.language == "JSONPath":
        for location, rule in state.listed("Choices"):
            yield from required(rule, ["Next"], location)
            yield from _rule(rule, location)
    moment = state.body.get("Timestamp")
    if state.type == "Wait" and isinstance(moment, str) and not _is_moment(state, moment):
        yield Diagnostic(NO_TIMESTAMP, f"{state.location}/Timestamp")
    if state.type == "Task":
        yield from _task(state, express=express)


def _is_moment(state: State, moment: str) -> bool:
    return (state.language == "JSONata" and moment.startswith("{%")) or timestamp(moment) is not None


def _handler(
    handler: Json, location: str, fields: set[str], needed: list[str], *, last: bool
) -> Iterator[Diagnostic]:
    yield from required(handler, needed, location)
    yield from unknown(handler, fields, location)
    yield from kinds(handler, location)
    errors = handler.get("ErrorEquals")
    if isinstance(errors, list) and "States.ALL" in errors and not (last and len(errors) == 1):
        yield Diagnostic("States.ALL must appear alone and at end of list", f"{location}/ErrorEquals")
    if handler.get("JitterStrategy", "NONE") not in ("NONE", "FULL"):
        said = "Value should be one of the following: [NONE, FULL]"
        yield Diagnostic(said, f"{location}/JitterStrategy")


def _rule(rule: Json, location: str, *, inner: bool = False) -> Iterator[Diagnostic]:
    fields = {*KINDS_OF_RULE, *COMPARISONS, "Comment"} | (set() if inner else {"Next", "Assign", "Output"})
    yield from unknown(rule, fields, location)
    if sum(name in rule for name in KINDS_OF_RULE) != 1:
        said = f"The object must have only one of the following fields, [{', '.join(KINDS_OF_RULE)}]"
        yield Diagnostic(said, location)
    if "Variable" in rule:
        yield from one_of(rule, COMPARISONS, location)
    for name, value in rule.items():
        kind, type_ = VALUES.get(name, ("", object))
        if name.startswith("Is") or kind == "Boolean":
            kind, type_ = "Boolean", bool
        if not isinstance(value, type_) or (isinstance(value, bool) and kind == "Numeric"):
            yield Diagnostic(f"Expected value of type {kind}", f"{location}/{name}")
        elif kind == "Timestamp" and timestamp(str(value)) is None:
            yield Diagnostic(NO_TIMESTAMP, f"{location}/{name}")
    for name in ("And", "Or"):
        found = rule.get(name)
        if name in rule and not found:
            yield Diagnostic("Value cannot be empty", f"{location}/{name}")
        for place, item in enumerate(found if isinstance(found, list) else ()):
            yield from _rule(item, f"{location}/{name}[{place}]", inner=True)
    if isinstance(rule.get("Not"), dict):
        yield from _rule(rule["Not"], f"{location}/Not", inner=True)


def _task(state: State, *, express: bool) -> Iterator[Diagnostic]:
    resource, where = state.body.get("Resource"), f"{state.location}/Resource"
    credentials = state.body.get("Credentials")
    if isinstance(credentials, dict) and not {"RoleArn", "RoleArn.$"} & {*credentials}:
        said = "The field 'RoleArn' is required but was missing"
        yield Diagnostic(said, f"{state.location}/Credentials")
    if not isinstance(resource, str):
        return
    if not resource.startswith("arn:") or resource.count(":") < 5:
        yield Diagnostic("Value is not a valid resource ARN", where)
    elif not integration_requests.is_recognised(resource):
        said = "The value is not a valid resource ARN, or the resource is not available in this region."
        yield Diagnostic(f"The resource provided {resource} is not recognized. {said}", where)
    else:
        field = "Parameters" if state.language == "JSONPath" else "Arguments"
        for said in integration_requests.wrong(resource, state.body.get(field, {}), written=True):
            yield Diagnostic(said, f"{state.location}/{field}")
    if not express:
        return
    if ":activity:" in resource:
        yield Diagnostic("Express state machine does not support Activity ARN", where)
    if resource.endswith(".waitForTaskToken"):
        said = "Express state machine does not support '.waitForTaskToken' service integration "
        yield Diagnostic(said, where)
    if resource.endswith((".sync", ".sync:2")):
        yield Diagnostic("Express state machine does not support '.sync' service integration", where)
