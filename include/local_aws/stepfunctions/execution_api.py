"""Step Functions' API for executions: what moto leaves out of its answers."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.stepfunctions.exceptions import ExecutionDoesNotExist
from moto.stepfunctions.models import StateMachineVersion
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.responses import StepFunctionResponse

from include.local_aws.faults import lag
from include.local_aws.stepfunctions.executions import Execution, status_lock
from include.local_aws.stepfunctions.pages import page
from include.local_aws.stepfunctions.redrive import redrive_state

MAX_EVENTS = 1000
# What includeExecutionData=false leaves out of an event.
EXECUTION_DATA = ("input", "inputDetails", "output", "outputDetails")


def install() -> None:
    """Put the replacements in place."""
    StepFunctionResponse.list_executions = _respond_list_executions
    StepFunctionResponse.stop_execution = _respond_stop_execution
    StepFunctionResponse.describe_execution = _respond_describe_execution
    StepFunctionResponse.get_execution_history = _respond_get_execution_history


def _respond_stop_execution(response: StepFunctionResponse) -> ActionResult:
    execution = response.stepfunction_backend.stop_execution(
        response._get_param("executionArn"), response._get_param("error"), response._get_param("cause")
    )
    return ActionResult({"stopDate": execution.stop_date})


def _summary(execution: Execution) -> dict[str, Any]:
    found = {
        "executionArn": execution.execution_arn,
        "stateMachineArn": execution.state_machine_arn,
        "stateMachineVersionArn": execution.version_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.start_date,
        "stopDate": execution.stop_date,
        "redriveCount": execution.redrive_count,
        "redriveDate": execution.redrive_date,
    }
    return {key: value for key, value in found.items() if value is not None}


def _seen_execution(response: StepFunctionResponse) -> Execution:
    arn = response._get_param("executionArn")
    execution: Execution = response.stepfunction_backend.describe_execution(arn)
    seen = execution.seen()
    if seen is None:
        raise ExecutionDoesNotExist(f"Execution Does Not Exist: '{arn}'")
    return seen


def _respond_describe_execution(response: StepFunctionResponse) -> ActionResult:
    # An end is several fields, which are set one after the other.
    with status_lock:
        return ActionResult(_described(_seen_execution(response), response))


def _described(execution: Execution, response: StepFunctionResponse) -> dict[str, Any]:
    details = {**_summary(execution), **redrive_state(execution)}
    if response._get_param("includedData") != "METADATA_ONLY":
        details |= {"input": execution.execution_input, "inputDetails": {"included": True}}
        if execution.exec_status == ExecutionStatus.SUCCEEDED:
            # moto gives a string as it is, where AWS always gives JSON.
            details |= {"output": json.dumps(execution.output), "outputDetails": {"included": True}}
    for field in ("error", "cause"):
        if getattr(execution, field) is not None:
            details[field] = getattr(execution, field)
    return details


def _respond_list_executions(response: StepFunctionResponse) -> Any:
    target = response.stepfunction_backend.describe_state_machine(response._get_param("stateMachineArn"))
    executions: list[Execution] = target.executions
    if isinstance(target, StateMachineVersion):
        machine = response.stepfunction_backend.describe_state_machine(target.source_arn)
        executions = [found for found in machine.executions if found.version_arn == target.arn]
    executions = [seen for found in executions if (seen := found.seen())]
    if status := response._get_param("statusFilter"):
        executions = [found for found in executions if found.exec_status == status]
    if redriven := response._get_param("redriveFilter"):
        executions = [found for found in executions if bool(found.redrive_count) is (redriven == "REDRIVEN")]
    found, token = page(response, sorted(executions, key=_newest_first), _newest_first)
    return ActionResult({"executions": [_summary(execution) for execution in found], "nextToken": token})


def _newest_first(execution: Execution) -> list[Any]:
    began = execution.redrive_date or execution.start_date
    return [-(execution.stop_date or began).timestamp(), execution.name]


def _respond_get_execution_history(response: StepFunctionResponse) -> ActionResult:
    _seen_execution(response)
    history = response.stepfunction_backend.get_execution_history(response._get_param("executionArn"))
    newest_first = bool(response._get_param("reverseOrder"))

    def order(event: dict[str, Any]) -> int:
        return -int(event["id"]) if newest_first else int(event["id"])

    seen = [event for event in history["events"] if lag.is_seen(datetime.fromisoformat(event["timestamp"]))]
    events, token = page(response, sorted(seen, key=order), order, MAX_EVENTS)
    if response._get_param("includeExecutionData") is False:
        for event in events:
            for details in event.values():
                if isinstance(details, dict):
                    for field in EXECUTION_DATA:
                        details.pop(field, None)
    return ActionResult({"events": events, "nextToken": token})
