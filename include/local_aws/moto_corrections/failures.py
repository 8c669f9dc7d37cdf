"""A state's failure as the interpreter raises it."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.api import (
    EvaluationFailedEventDetails,
    HistoryEventType,
    TaskFailedEventDetails,
)
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

RUNTIME = StatesErrorNameType.StatesRuntime.to_name()
# A mark of details of which the history knows already, or is not told.
TOLD = "told"
# Not among those of the language's specification, but what AWS says where a path does not fit its input.
CONFLICT = "States.ReferencePathConflict"


class UnlistedErrorName(CustomErrorName):  # type: ignore[misc]
    """An error of States that the specification does not list."""

    def __init__(self, name: str) -> None:
        self.error_name = name


def failure(env: Environment, cause: str, error: str = RUNTIME) -> FailureEventException:
    """
    The failure of the state that is being evaluated.

    :param error: States.Runtime, to whose cause the name of the state is added, or another.
    """
    if error == RUNTIME:
        details: Any = {"error": error, "cause": cause, TOLD: True}
        return FailureEventException(
            FailureEvent(
                env=env,
                error_name=StatesErrorName(typ=StatesErrorNameType.StatesRuntime),
                event_type=HistoryEventType.ExecutionFailed,
                event_details=EventDetails(executionFailedEventDetails=details),
            )
        )
    task_failed = TaskFailedEventDetails(error=error, cause=cause)
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=UnlistedErrorName(error),
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=task_failed),
        )
    )


def query_failure(env: Environment, cause: str, field: str) -> FailureEventException:
    """
    The failure of a JSONata expression, which can be caught: States.QueryEvaluationError.

    :param field: where the expression stands, such as ``Output/result``.
    """
    name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    details = EvaluationFailedEventDetails(error=name.error_name, cause=cause, location=field)
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.EvaluationFailed,
            event_details=EventDetails(evaluationFailedEventDetails=details),
        )
    )
