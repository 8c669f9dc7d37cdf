"""
What a state says of a path that finds nothing, field by field, as AWS says it.

moto names a nested path as if it were one name, and says of ItemsPath and of a function's argument what it
says of Parameters. AWS's words: LocalStack's recorded answers (scenarios/test_base_scenarios.snapshot.json,
test_invalid_jsonpath and test_catch_states_runtime), and what users of AWS quote for ItemsPath ("Unable to
apply step") and for functions ("The JsonPath argument for the field").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.path.input_path import InputPath
from moto.stepfunctions.parser.asl.component.common.path.items_path import ItemsPath
from moto.stepfunctions.parser.asl.component.common.path.output_path import OutputPath
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringIntrinsicFunction
from moto.stepfunctions.parser.asl.component.common.timeouts.heartbeat import HeartbeatSecondsPath
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSecondsPath
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from include.local_aws.moto_corrections.failures import CONFLICT, failure
from include.local_aws.moto_corrections.json_paths import parsed
from include.local_aws.moto_corrections.result_paths import steps


def install() -> None:
    """Put it in place."""
    for field in (InputPath, OutputPath, TimeoutSecondsPath, HeartbeatSecondsPath):
        _say_of(field, _invalid_path)
    _say_of(ItemsPath, _unable_to_apply)
    _say_of(StringIntrinsicFunction, _argument_not_found)


Saying = Callable[[Environment, Any, NoSuchJsonPathError], FailureEventException]


def _say_of(field: type[Any], say: Saying) -> None:
    evaluate = field._eval_body

    def eval_body(component: Any, env: Environment) -> None:
        try:
            evaluate(component, env)
        except NoSuchJsonPathError as lost:
            raise say(env, component, lost) from lost
        except FailureEventException as failed:
            if isinstance(failed.__context__, NoSuchJsonPathError):
                raise say(env, component, failed.__context__) from failed
            raise

    field._eval_body = eval_body


def _invalid_path(env: Environment, _: Any, lost: NoSuchJsonPathError) -> FailureEventException:
    where = "$"
    if _is_of_variable(lost):
        return failure(env, f"Invalid path '{lost.json_path}'")
    data, names = lost.data, steps(parsed(lost.json_path))
    for number, name in enumerate(names, 1):
        where += f"['{name}']" if isinstance(name, str) else f"[{name}]"
        try:
            data = data[name]
        except (KeyError, IndexError, TypeError):
            what = "No results for path:" if number == len(names) else "Missing property in path"
            return failure(env, f"Invalid path '{lost.json_path}' : {what} {where}")
    raise lost


def _is_of_variable(lost: NoSuchJsonPathError) -> bool:
    return not str(lost.json_path).startswith(("$.", "$["))


def _unable_to_apply(env: Environment, _: Any, lost: NoSuchJsonPathError) -> FailureEventException:
    data = lost.data
    if _is_of_variable(lost):
        return failure(env, f"Invalid path '{lost.json_path}'")
    for name in steps(parsed(lost.json_path)):
        try:
            data = data[name]
        except (KeyError, IndexError, TypeError):
            shown = to_json_str(lost.data, separators=(",", ":"))
            return failure(env, f'Unable to apply step "{name}" to input {shown}', CONFLICT)
    raise lost


def _argument_not_found(
    env: Environment, function: StringIntrinsicFunction, lost: NoSuchJsonPathError
) -> FailureEventException:
    cause = (
        f"The function '{function.intrinsic_function_derivation}' had the following error: "
        f"The JsonPath argument for the field '{lost.json_path}' could not be found in the input "
        f"'{to_json_str(lost.data, separators=(',', ':'))}'"
    )
    return failure(env, cause)
