"""
A variable of a JSONPath state is read as a path is, and one that was never assigned is an error.

moto reads it as JSONata, where ``$x[*]`` means nothing, and takes what is not there for null.
https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

from __future__ import annotations

import copy
import re

from moto.stepfunctions.parser.asl.component.common.query_language import QueryLanguageMode
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringVariableSample
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.variable_store import NoSuchVariable
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from include.local_aws.moto_corrections.json_paths import extract_json

_VARIABLE = re.compile(r"\$(?P<name>[^\W\d]\w*)(?P<path>.*)", re.DOTALL)


def install() -> None:
    """Put it in place."""
    evaluate = StringVariableSample._eval_body

    def eval_body(sample: StringVariableSample, env: Environment) -> None:
        found = _VARIABLE.fullmatch(sample.expression)
        if sample.query_language_mode == QueryLanguageMode.JSONata or not found:
            evaluate(sample, env)
            return
        try:
            value = env.variable_store.get(found["name"])
            env.stack.append(copy.deepcopy(extract_json(f"${found['path']}", value)))
        except (NoSuchVariable, NoSuchJsonPathError) as error:
            raise NoSuchJsonPathError(json_path=sample.expression, data=env.states.get_input()) from error

    StringVariableSample._eval_body = eval_body
