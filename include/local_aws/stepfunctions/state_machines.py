"""Step Functions' API for state machines and their versions, where moto's differs from AWS's."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.exceptions import StateMachineDoesNotExist
from moto.stepfunctions.models import StateMachine, StateMachineInstance
from moto.stepfunctions.parser import api
from moto.stepfunctions.parser.api import ConflictException, StateMachineTypeNotSupported
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from include.local_aws.faults.lag import Past, is_seen
from include.local_aws.stepfunctions import definition_check, execution_role
from include.local_aws.stepfunctions.pages import page

# What an update changes and a read shows.
UPDATED = ("definition", "roleArn")


class StateMachineAlreadyExists(AWSError):  # type: ignore[misc]
    TYPE = "StateMachineAlreadyExists"


def install() -> None:
    """Put the replacements in place."""
    StepFunctionResponse.publish_state_machine_version = _respond_publish_state_machine_version
    StepFunctionResponse.list_state_machine_versions = _respond_list_state_machine_versions
    StepFunctionResponse.delete_state_machine_version = _respond_delete_state_machine_version
    _refuse_what_aws_refuses()
    _note_updates()
    _name_errors()


def _note_updates() -> None:
    """Let reads that are behind see the definition and the role from before an update."""
    update, describe = StateMachine.update, StepFunctionResponse._describe_state_machine

    def noted_update(machine: StateMachine, **changes: Any) -> None:
        past = vars(machine).setdefault("past", Past())
        if not past.noted:
            past.note({name: getattr(machine, name) for name in UPDATED}, machine.creation_date)
        update(machine, **changes)
        past.note({name: getattr(machine, name) for name in UPDATED})

    def describe_seen(response: StepFunctionResponse, arn: str) -> ActionResult:
        described: ActionResult = describe(response, arn)
        described.result.update(seen_machine(response.stepfunction_backend.describe_state_machine(arn)))
        return described

    StateMachine.update = noted_update
    StepFunctionResponse._describe_state_machine = describe_seen


def seen_machine(machine: StateMachineInstance) -> dict[str, str]:
    """
    The definition and the role that the request being answered sees.

    :raises StateMachineDoesNotExist: when it does not see the state machine, or the version, yet.
    """
    if not is_seen(machine.creation_date):
        raise StateMachineDoesNotExist(f"State Machine Does Not Exist: '{machine.arn}'")
    past: Past | None = vars(machine).get("past")
    state = past.seen() if past else None
    return state or {name: getattr(machine, name) for name in UPDATED}


def _name_errors() -> None:
    """The interpreter's errors carry their names in a field that moto's answers do not read."""
    errors: list[Any] = [
        found for found in vars(api).values() if isinstance(found, type) and issubclass(found, AWSError)
    ]
    for error in errors:
        # Not the base itself, whose code is an HTTP status.
        if isinstance(error.code, str):
            error.TYPE = error.code


def _refuse_what_aws_refuses() -> None:
    create = StepFunctionsParserBackend.create_state_machine

    def create_state_machine(
        backend: StepFunctionsParserBackend,
        name: str,
        definition: str,
        roleArn: str,  # noqa: N803 - moto's name
        **request: Any,
    ) -> StateMachine:
        express = request.get("sm_type") == "EXPRESS"
        definition_check.refuse(definition, express=express)
        execution_role.refuse(roleArn)
        if express:
            # moto would run it as a STANDARD one, listed and described as AWS does not do with these.
            raise StateMachineTypeNotSupported("the embedded AWS runs state machines of type STANDARD")
        for machine in backend.state_machines:
            if machine.name == name and (machine.definition, machine.roleArn) != (definition, roleArn):
                raise StateMachineAlreadyExists(f"State Machine Already Exists: '{machine.arn}'")
        return create(backend, name, definition, roleArn, **request)

    StepFunctionsParserBackend.create_state_machine = create_state_machine
    update = StepFunctionsParserBackend.update_state_machine

    def update_state_machine(
        backend: StepFunctionsParserBackend,
        arn: str,
        definition: str | None = None,
        role_arn: str | None = None,
        **request: Any,
    ) -> StateMachine:
        if definition is not None:
            definition_check.refuse(definition)
        if role_arn is not None:
            execution_role.refuse(role_arn)
        return update(backend, arn, definition, role_arn, **request)

    StepFunctionsParserBackend.update_state_machine = update_state_machine


def _respond_publish_state_machine_version(response: StepFunctionResponse) -> ActionResult:
    machine = response.stepfunction_backend.describe_state_machine(response._get_param("stateMachineArn"))
    latest = machine.latest_version
    gone = latest is None or latest.version not in machine.versions
    # Publishing what the latest version already holds gives that version again.
    if gone or (latest.definition, latest.roleArn) != (machine.definition, machine.roleArn):
        machine.publish(response._get_param("description"))
        latest = machine.latest_version
    return ActionResult({"stateMachineVersionArn": latest.arn, "creationDate": latest.creation_date})


def _respond_list_state_machine_versions(response: StepFunctionResponse) -> ActionResult:
    machine = response.stepfunction_backend.describe_state_machine(response._get_param("stateMachineArn"))
    newest_first = sorted(machine.versions.items(), reverse=True)
    versions, token = page(response, newest_first, lambda item: -item[0])
    summaries = [
        {"stateMachineVersionArn": version.arn, "creationDate": version.creation_date}
        for _, version in versions
    ]
    return ActionResult({"stateMachineVersions": summaries, "nextToken": token})


def _respond_delete_state_machine_version(response: StepFunctionResponse) -> EmptyResult:
    arn = response._get_param("stateMachineVersionArn")
    machine_arn, _, number = arn.rpartition(":")
    backend = response.stepfunction_backend
    backend._validate_machine_arn(machine_arn)
    machine = next((found for found in backend.state_machines if found.arn == machine_arn), None)
    for alias in machine.aliases.values() if machine else ():
        if any(route["stateMachineVersionArn"] == arn for route in alias.routing_configuration):
            raise ConflictException(f"Version to be deleted is referenced by the alias: {alias.name}")
    # What is gone already is no error. The number is not given again: latest_version stays.
    if machine and number.isdecimal():
        machine.versions.pop(int(number), None)
    return EmptyResult()
