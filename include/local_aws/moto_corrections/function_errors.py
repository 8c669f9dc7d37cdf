"""
What Lambda itself refuses a task is named after it: Lambda.ResourceNotFoundException.

moto does so of lambda:invoke, and calls it an Exception, as if the function had raised it, where a function's
ARN is the resource: https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
"""

from __future__ import annotations

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_lambda import (
    StateTaskServiceLambda,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_lambda import StateTaskLambda
from moto.stepfunctions.parser.asl.eval.environment import Environment


def install() -> None:
    """Put it in place."""
    from_error = StateTaskLambda._from_error

    def named_error(task: StateTaskLambda, env: Environment, ex: Exception) -> FailureEvent:
        event = from_error(task, env, ex)
        if isinstance(ex, ClientError):
            error, cause = StateTaskServiceLambda._error_cause_from_client_error(ex)
            event.error_name = CustomErrorName(error)
            event.event_details["lambdaFunctionFailedEventDetails"].update(error=error, cause=cause)
        return event

    StateTaskLambda._from_error = named_error
