"""
ResultPath puts a result where it says, whatever the result is, or fails.

moto leaves it to jsonpath_ng, which spreads a list over the places of an array, takes some names for words
of its own, and changes nothing where the input is no object. AWS fails such a state: "Unable to apply
ReferencePath $.x to input ...", under the name States.ReferencePathConflict
(https://qiita.com/tsubasaogawa/items/4fe341bdb6ae7d2fd8ee).
"""

from __future__ import annotations

import copy
from typing import Any

from jsonpath_ng.jsonpath import Child, Fields, Index, JSONPath, Root
from moto.stepfunctions.parser.asl.component.common.path.result_path import ResultPath
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from include.local_aws.moto_corrections.failures import CONFLICT, failure
from include.local_aws.moto_corrections.json_paths import parsed


def install() -> None:
    """Put it in place."""
    ResultPath._eval_body = _place


def _place(path: ResultPath, env: Environment) -> None:
    state_input = env.states.get_input()
    if path.result_path_src is None:
        env.stack.clear()
        env.stack.append(state_input)
        return
    result = copy.deepcopy(env.stack.pop())
    try:
        env.stack.append(placed(state_input, steps(parsed(path.result_path_src)), result))
    except (TypeError, IndexError) as error:
        cause = (
            f"Unable to apply ReferencePath {path.result_path_src} to input "
            f"{to_json_str(state_input, separators=(',', ':'))}"
        )
        raise failure(env, cause, CONFLICT) from error


def steps(path: JSONPath) -> list[str | int]:
    """
    The names and places of a reference path, from the root on.

    :raises TypeError: when it is none: it may mean several things.
    """
    match path:
        case Root():
            return []
        case Child(left=left, right=Fields(fields=(name,))):
            return [*steps(left), name]
        case Child(left=left, right=Index(indices=(place,))):
            return [*steps(left), place]
    raise TypeError(f"{path} is no reference path")


def placed(data: Any, where: list[str | int], value: Any) -> Any:
    """
    Data with a value at a place of it; objects on the way there are made.

    :raises TypeError: when what is on the way is of another kind.
    :raises IndexError: when an array on the way is too short.
    """
    if not where:
        return value
    step, *further = where
    if isinstance(step, str):
        if not isinstance(data, dict):
            raise TypeError(f"no object has {step}")
        data[step] = placed(data.get(step, {}) if further else None, further, value)
        return data
    if not isinstance(data, list):
        raise TypeError(f"no array has {step}")
    data[step] = placed(data[step], further, value)
    return data
