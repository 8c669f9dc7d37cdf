"""Step Functions' API: what moto leaves out of its answers, and the calls that it lacks."""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser import api
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse


class StateMachineAlreadyExists(AWSError):  # type: ignore[misc]
    TYPE = "StateMachineAlreadyExists"


def install() -> None:
    """Put the replacements in place."""
    StepFunctionResponse.stop_execution = _respond_stop_execution
    StepFunctionResponse.describe_execution = _respond_describe_execution
    StepFunctionResponse.list_executions = _respond_list_executions
    StepFunctionResponse.get_execution_history = _respond_get_execution_history
    StepFunctionResponse.publish_state_machine_version = _respond_publish_state_machine_version
    StepFunctionResponse.list_state_machine_versions = _respond_list_state_machine_versions
    _refuse_other_state_machine_of_same_name()
    _name_errors()


def _name_errors() -> None:
    """The interpreter's errors carry their names in a field that moto's answers do not read."""
    errors: list[Any] = [
        found for found in vars(api).values() if isinstance(found, type) and issubclass(found, AWSError)
    ]
    for error in errors:
        # Not the base itself, whose code is an HTTP status.
        if isinstance(error.code, str):
            error.TYPE = error.code


def _refuse_other_state_machine_of_same_name() -> None:
    create = StepFunctionsParserBackend.create_state_machine

    def create_state_machine(
        backend: StepFunctionsParserBackend,
        name: str,
        definition: str,
        roleArn: str,  # noqa: N803 - moto's name
        **request: Any,
    ) -> StateMachine:
        for machine in backend.state_machines:
            if machine.name == name and (machine.definition, machine.roleArn) != (definition, roleArn):
                raise StateMachineAlreadyExists(f"State Machine Already Exists: '{machine.arn}'")
        return create(backend, name, definition, roleArn, **request)

    StepFunctionsParserBackend.create_state_machine = create_state_machine


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
    }
    return {key: value for key, value in found.items() if value is not None}


def _respond_describe_execution(response: StepFunctionResponse) -> ActionResult:
    execution = response.stepfunction_backend.describe_execution(response._get_param("executionArn"))
    details = {
        **_summary(execution),
        "input": execution.execution_input,
        "inputDetails": {"included": True},
        "redriveCount": 0,
    }
    if execution.exec_status == ExecutionStatus.SUCCEEDED:
        # moto gives a string as it is, where AWS always gives JSON.
        details |= {"output": json.dumps(execution.output), "outputDetails": {"included": True}}
    for field in ("error", "cause"):
        if getattr(execution, field) is not None:
            details[field] = getattr(execution, field)
    return ActionResult(details)


def _respond_list_executions(response: StepFunctionResponse) -> ActionResult:
    results, token = response.stepfunction_backend.list_executions(
        response._get_param("stateMachineArn"),
        status_filter=response._get_param("statusFilter"),
        max_results=response._get_int_param("maxResults") or None,
        next_token=response._get_param("nextToken"),
    )
    return ActionResult({"executions": [_summary(execution) for execution in results], "nextToken": token})


def _respond_get_execution_history(response: StepFunctionResponse) -> ActionResult:
    history = response.stepfunction_backend.get_execution_history(response._get_param("executionArn"))
    events = sorted(history["events"], key=lambda event: event["id"])
    if response._get_param("reverseOrder"):
        events.reverse()
    # A token is the place of the page's first event.
    begin = int(response._get_param("nextToken") or 0)
    end = begin + (response._get_int_param("maxResults") or 1000)
    token = str(end) if end < len(events) else None
    return ActionResult({"events": events[begin:end], "nextToken": token})


def _respond_publish_state_machine_version(response: StepFunctionResponse) -> ActionResult:
    machine = response.stepfunction_backend.describe_state_machine(response._get_param("stateMachineArn"))
    latest = machine.latest_version
    # Publishing what the latest version already holds gives that version again.
    if latest is None or (latest.definition, latest.roleArn) != (machine.definition, machine.roleArn):
        machine.publish(response._get_param("description"))
        latest = machine.latest_version
    return ActionResult({"stateMachineVersionArn": latest.arn, "creationDate": latest.creation_date})


def _respond_list_state_machine_versions(response: StepFunctionResponse) -> ActionResult:
    machine = response.stepfunction_backend.describe_state_machine(response._get_param("stateMachineArn"))
    versions = [
        {"stateMachineVersionArn": version.arn, "creationDate": version.creation_date}
        for _, version in sorted(machine.versions.items(), reverse=True)
    ]
    return ActionResult({"stateMachineVersions": versions})
