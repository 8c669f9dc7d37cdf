"""
States.Runtime ends the execution: it is neither caught nor tried again, not as States.ALL either.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html; moto takes States.ALL for
it too.
"""

from __future__ import annotations

from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.eval.environment import Environment

from include.local_aws.moto_corrections.failures import RUNTIME


def install() -> None:
    """Put it in place."""
    evaluate = ErrorEqualsDecl._eval_body

    def eval_body(names: ErrorEqualsDecl, env: Environment) -> None:
        if env.stack[-1] is not None and env.stack[-1].error_name == RUNTIME:
            env.stack[-1] = False
        else:
            evaluate(names, env)

    ErrorEqualsDecl._eval_body = eval_body
