"""RedriveExecution: an execution that ended without success goes on from the state it ended in.

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html; but a Parallel or Map state runs
again as a whole, where AWS repeats only what failed of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import (
    ExecutionNotRedrivable,
    ExecutionRedrivenEventDetails,
    ExecutionStatus,
    HistoryEventType,
)
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.responses import StepFunctionResponse

from include.local_aws.stepfunctions.executions import Execution, status_lock

REDRIVABLE_DAYS = 14
TOKEN_MINUTES = 15
# How long what an ended execution had begun (a job, a function) may take to end too.
IDLE_SECONDS = 60


def install() -> None:
    """Put the call in place."""
    StepFunctionResponse.redrive_execution = _respond_redrive_execution


def redrive_state(execution: Execution) -> dict[str, Any]:
    """What DescribeExecution says of redriving an execution."""
    reason = _why_not(execution)
    found = {
        "redriveCount": execution.redrive_count,
        "redriveDate": execution.redrive_date,
        "redriveStatus": "NOT_REDRIVABLE" if reason else "REDRIVABLE",
        "redriveStatusReason": reason,
    }
    return {name: value for name, value in found.items() if value is not None}


def _why_not(execution: Execution) -> str | None:
    if execution.exec_status in (ExecutionStatus.RUNNING, ExecutionStatus.SUCCEEDED):
        return f"Execution is {execution.status} and cannot be redriven"
    if execution.stop_date < datetime.now(UTC) - timedelta(days=REDRIVABLE_DAYS):
        return "Execution redrivable period exceeded"
    return None


def _respond_redrive_execution(response: StepFunctionResponse) -> ActionResult:
    execution = response.stepfunction_backend.describe_execution(response._get_param("executionArn"))
    return ActionResult({"redriveDate": redrive(execution, response._get_param("clientToken"))})


def redrive(execution: Execution, token: str | None) -> datetime:
    """
    Go on from the state that the execution ended in, with the input that state had.

    :param token: a call that repeats an earlier one's token gets that one's answer and does nothing.
    :raises ExecutionNotRedrivable: when it runs or has succeeded.
    """
    if not execution.is_running and not execution.exec_worker.idle.wait(IDLE_SECONDS):
        raise TimeoutError(f"{execution.name} was not at rest within {IDLE_SECONDS} s of its end")
    with status_lock:
        now = datetime.now(UTC)
        for used, date in execution.redrives:
            if used == token and now - date < timedelta(minutes=TOKEN_MINUTES):
                return date
        if reason := _why_not(execution):
            raise ExecutionNotRedrivable(reason)
        execution.redrive_count += 1
        execution.redrive_date = now
        if token:
            execution.redrives.append((token, now))
        execution.stop_date = execution.output = execution.error = execution.cause = None
        execution.exec_status = ExecutionStatus.RUNNING
        execution.note()
        _go_on(execution, now)
    return now


def _go_on(execution: Execution, now: datetime) -> None:
    worker = execution.exec_worker
    env, (name, state_input) = worker.env, worker.at
    env.stack.clear()
    env.heap.clear()
    env.states.reset(state_input)
    context = env.states.context_object.context_object_data["Execution"]
    context |= {"RedriveCount": execution.redrive_count, "RedriveTime": now.isoformat()}
    details = ExecutionRedrivenEventDetails(redriveCount=execution.redrive_count)
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=HistoryEventType.ExecutionRedriven,
        event_details=EventDetails(executionRedrivenEventDetails=details),
    )
    if isinstance(worker.state(name), ExecutionState):
        _leave_out_entry(env.event_manager)
    worker.begin_at(name)


def _leave_out_entry(history: EventManager) -> None:
    """A task is scheduled again, not entered again; states of other types are."""
    add = history.add_event

    def add_event(**event: Any) -> int:
        history.add_event = add
        if str(event["event_type"]).endswith("StateEntered"):
            return int(event["context"].last_published_event_id)
        return int(add(**event))

    history.add_event = add_event
