"""
What a JSONata expression gives is what its field takes, or the state fails with States.QueryEvaluationError,
which can be caught, and which names the field.

moto takes errors of an expression for States.Runtime, and any number for a time or a limit: a MaxConcurrency
of -1 waits for ever. AWS's words, but for those of ranges: LocalStack's recorded answers
(outputs/test_output.snapshot.json, intrinsic_functions/test_math_operations_jsonata.snapshot.json and
scenarios/test_base_scenarios.snapshot.json, test_map_state_items_eval_jsonata_fail).
"""

from __future__ import annotations

import json
import re
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.string import string_expression
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.common.timeouts.heartbeat import HeartbeatSecondsJSONata
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSecondsJSONata
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.reader_config.max_items_decl import (  # noqa: E501
    MaxItemsStringJSONata,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.max_concurrency import MaxConcurrencyJSONata
from moto.stepfunctions.parser.asl.component.state.exec.state_map.tolerated_failure import (
    ToleratedFailureCountStringJSONata,
    ToleratedFailurePercentageStringJSONata,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.seconds import SecondsJSONata
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.jsonata.jsonata import JSONataException, eval_jsonata_expression

from include.local_aws.moto_corrections.failures import TOLD, query_failure
from include.local_aws.moto_corrections.jsonata_places import place_of

LONGEST = 99_999_999
# What gives a number: its method, its field, and from where to where it goes.
NUMBERS: list[tuple[type[Any], str, str, int, float]] = [
    (TimeoutSecondsJSONata, "_eval_seconds", "TimeoutSeconds", 1, LONGEST),
    (HeartbeatSecondsJSONata, "_eval_seconds", "HeartbeatSeconds", 1, LONGEST),
    (SecondsJSONata, "_get_wait_seconds", "Seconds", 0, LONGEST),
    (MaxConcurrencyJSONata, "_eval_max_concurrency", "MaxConcurrency", 0, float("inf")),
    (MaxItemsStringJSONata, "_get_value", "MaxItems", 0, 100_000_000),
    (
        ToleratedFailureCountStringJSONata,
        "_eval_tolerated_failure_count",
        "ToleratedFailureCount",
        0,
        float("inf"),
    ),
    (
        ToleratedFailurePercentageStringJSONata,
        "_eval_tolerated_failure_percentage",
        "ToleratedFailurePercentage",
        0,
        100,
    ),
]
# What the value of an expression in a field is to be; in other fields it may be any.
EXPECTED = {
    **{field: "number" for _, _, field, _, _ in NUMBERS},
    **dict.fromkeys(("Cause", "Error", "Timestamp"), "string"),
    "Condition": "boolean",
}
_CONDITION = re.compile(r"Choices\[\d+\]/Condition")
TYPES = {bool: "boolean", int: "number", float: "number", str: "string", dict: "object", list: "array"}


def install() -> None:
    """Put it in place."""
    string_expression.validate_jsonata_expression_output = _validate
    evaluate = StringJSONata._eval_body

    def eval_body(text: StringJSONata, env: Environment) -> None:
        try:
            evaluate(text, env)
        except JSONataException as error:
            said = f"threw an error during evaluation. {error.details}"
            raise failed(env, text, said) from error
        except _ResultError as error:
            raise failed(env, text, str(error)) from error
        value, expected = env.stack[-1], EXPECTED.get(_CONDITION.sub("Condition", place_of(text)))
        if expected and TYPES.get(type(value), "null") != expected:
            raise _unexpected(env, text, expected, value)

    StringJSONata._eval_body = eval_body
    for kind, method, _, least, most in NUMBERS:
        setattr(kind, method, _number(least, most))


class _ResultError(Exception):
    """An expression gave nothing, or something that is no JSON."""


def _validate(_: Environment, __: str, rich_expression: str, result: Any) -> None:
    if result is None and not eval_jsonata_expression(f"$exists({rich_expression})"):
        raise _ResultError("returned nothing (undefined).")
    if isinstance(result, str) and eval_jsonata_expression(f"$type({rich_expression})") == "function":
        raise _ResultError("returned an unsupported result type.")


def failed(env: Environment, text: StringJSONata, said: str) -> FailureEventException:
    """
    The failure of an expression, which the history has been told of.

    :param said: what it did, in AWS's words.
    """
    field = place_of(text)
    cause = f"The JSONata expression '{text.expression}' specified for the field '{field}' {said}"
    return told(env, query_failure(env, cause, field))


def told(env: Environment, failure: FailureEventException) -> FailureEventException:
    """A failure once the history has been told of it."""
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=HistoryEventType.EvaluationFailed,
        event_details=EventDetails(
            evaluationFailedEventDetails=failure.get_evaluation_failed_event_details()
        ),
    )
    failure.failure_event.event_details["evaluationFailedEventDetails"][TOLD] = True
    return failure


def _unexpected(env: Environment, text: StringJSONata, expected: str, value: Any) -> FailureEventException:
    kind, shown = TYPES.get(type(value), "null"), json.dumps(value, separators=(",", ":"))
    said = f"returned an unexpected result type. Expected '{expected}', but was '{kind}' for value: {shown}"
    return failed(env, text, said)


def _number(least: int, most: float) -> Any:
    def number(component: Any, env: Environment) -> float:
        text: StringJSONata = component.string_jsonata
        text.eval(env=env)
        value: float = env.stack.pop()
        if not least <= value <= most:
            raise failed(env, text, f"returned a number that is not from {least} to {most:g}: {value}")
        if isinstance(component, ToleratedFailurePercentageStringJSONata):
            return float(value)
        if value != int(value):
            raise _unexpected(env, text, "integer", value)
        return int(value)

    return number
