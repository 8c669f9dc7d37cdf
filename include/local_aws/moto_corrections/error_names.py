"""
Which errors a name in ErrorEquals stands for.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html: States.Runtime ends the
execution, it is neither caught nor tried again; States.ALL is every other error but
States.DataLimitExceeded, and States.TaskFailed every one but States.Timeout. moto takes States.ALL for all
of them, and States.TaskFailed for those alone whose names are not States' own. Where such an error leaves a
branch or an iteration, it breaks down (no error of a Parallel or Map state may have a name of States), and
the cause says twice where it was.
"""

from __future__ import annotations

from moto.stepfunctions.parser.api import ExecutionFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.eval.environment import Environment

from include.local_aws.moto_corrections.failures import RUNTIME

# What the names that stand for others do not stand for.
EXCEPT = {"States.ALL": "States.DataLimitExceeded", "States.TaskFailed": "States.Timeout"}


def install() -> None:
    """Put it in place."""
    CustomErrorName.__init__ = ErrorName.__init__
    ErrorEqualsDecl._eval_body = _match
    details_of = FailureEventException.get_execution_failed_event_details

    def get_details(failure: FailureEventException) -> ExecutionFailedEventDetails | None:
        error, cause = failure.extract_error_cause_pair() or (None, None)
        if error and str(cause).startswith("An error occurred while executing the state '"):
            return ExecutionFailedEventDetails(error=error, cause=cause)
        details: ExecutionFailedEventDetails | None = details_of(failure)
        return details

    FailureEventException.get_execution_failed_event_details = get_details


def _match(listed: ErrorEqualsDecl, env: Environment) -> None:
    found = env.stack.pop()
    error = found.error_name if found else None
    names = {name.error_name for name in listed.error_names}
    known = any(wide in names and error != left_out for wide, left_out in EXCEPT.items())
    env.stack.append(error != RUNTIME and (error in names or known))
