"""
A Choice whose path leads nowhere, or to a value to compare with that is of another type, fails the
execution.

moto takes the next rule, and at last the default. Only IsPresent asks whether a path is there:
https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html. The words are those that AWS is
reported to say: "Invalid path '$.x': The choice state's condition path references an invalid value."
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_func import (
    ComparisonFuncStringVariableSample,
    ComparisonFuncValue,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_operator_type import (
    ComparisonOperatorType,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.factory import OperatorFactory
from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations.is_operator import (  # noqa: E501
    IsTimestamp,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.variable import (
    NoSuchVariable,
    Variable,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from include.local_aws.moto_corrections.failures import failure
from include.local_aws.moto_corrections.json_paths import extract_json

PRESENCE = ComparisonOperatorType.IsPresent


def install() -> None:
    """Put it in place."""
    Variable._eval_body = _find
    ComparisonFuncValue._eval_body = _compare
    ComparisonFuncStringVariableSample._eval_body = _compare


def _find(variable: Variable, env: Environment) -> None:
    try:
        variable.string_sampler.eval(env=env)
    except (NoSuchJsonPathError, FailureEventException):
        env.stack.append(NoSuchVariable(variable.string_sampler.literal_value))


def _compare(comparison: ComparisonFuncValue, env: Environment) -> None:
    variable, operator = env.stack[-1], comparison.operator_type
    if isinstance(variable, NoSuchVariable) and operator != PRESENCE:
        raise invalid_path(env, variable.path)
    value = comparison.value
    if operator.name.endswith("Path"):
        # The value that a path leads to is compared with as one that is written down.
        operator = ComparisonOperatorType[operator.name.removesuffix("Path")]
        value = _operand(comparison, env, operator.name)
    OperatorFactory.get(operator).eval(env=env, value=value)


def _operand(comparison: ComparisonFuncValue, env: Environment, operator: str) -> Any:
    if isinstance(comparison, ComparisonFuncStringVariableSample):
        comparison.string_variable_sample.eval(env=env)
        path, value = comparison.string_variable_sample.literal_value, env.stack.pop()
    else:
        path = comparison.value
        context = env.states.context_object.context_object_data
        # The Choice's input, which lies below the variable's value.
        data = context if path.startswith("$$") else env.stack[-2]
        try:
            value = extract_json(f"${path.lstrip('$')}", data)
        except NoSuchJsonPathError as error:
            raise invalid_path(env, path) from error
    if not _is_of_type(operator, value):
        raise invalid_path(env, path)
    return value


def _is_of_type(operator: str, value: Any) -> bool:
    if operator.startswith("Numeric"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if operator.startswith("Boolean"):
        return isinstance(value, bool)
    return isinstance(value, str) and (operator.startswith("String") or IsTimestamp.is_timestamp(value))


def invalid_path(env: Environment, path: str) -> FailureEventException:
    """The failure of a Choice at a path."""
    return failure(
        env, f"Invalid path '{path}': The choice state's condition path references an invalid value."
    )
