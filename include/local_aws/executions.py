"""Executions: started by name and version, stopped at once, ended only once, as on AWS."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.exceptions import InvalidExecutionInput
from moto.stepfunctions.models import StateMachine, StateMachineInstance, StateMachineVersion
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramRunning, ProgramStopped
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

# How long an execution may take from being accepted to having an environment to stop.
START_SECONDS = 10

# Taken for whatever reads an execution's state in order to change it.
_lock = threading.RLock()


def install() -> None:
    """Put the replacements in place."""
    StepFunctionsParserBackend.start_execution = _start_execution
    StepFunctionsParserBackend.stop_execution = _stop_execution
    _keep_first_end()


def _start_execution(
    backend: StepFunctionsParserBackend,
    state_machine_arn: str,
    name: str | None = None,
    execution_input: str | None = None,
    trace_header: str | None = None,
) -> Execution:
    name, execution_input = name or str(uuid.uuid4()), execution_input or "{}"
    backend._validate_name(name)
    target = backend.describe_state_machine(state_machine_arn)
    version = isinstance(target, StateMachineVersion)
    machine: StateMachine = backend.describe_state_machine(target.source_arn) if version else target
    try:
        json.loads(execution_input)
    except ValueError as error:
        raise InvalidExecutionInput(f"Invalid State Machine Execution Input: '{error}'") from error
    with _lock:
        existing = machine._handle_name_input_idempotency(name, execution_input)
        if existing is not None:
            return existing
        # A snapshot: an update of the state machine does not change what runs. It has the ARN of the
        # state machine even if a version was asked for: executions of all versions share one space of names.
        snapshot = StateMachineInstance(machine.arn, machine.name, target.definition, target.roleArn)
        execution = Execution(
            name=name,
            sm_type=snapshot.sm_type,
            role_arn=snapshot.roleArn,
            exec_arn=f"arn:{backend.partition}:states:{backend.region_name}:{backend.account_id}:execution:"
            f"{machine.name}:{name}",
            account_id=backend.account_id,
            region_name=backend.region_name,
            state_machine=snapshot,
            start_date=datetime.now(UTC),
            cloud_watch_logging_session=None,
            input_data=execution_input,
            trace_header=trace_header,
            activity_store={},
        )
        execution.version_arn = target.arn if version else None
        execution.start()
        machine.executions.append(execution)
    return execution


def _stop_execution(
    backend: StepFunctionsParserBackend,
    execution_arn: str,
    error: str | None = None,
    cause: str | None = None,
) -> Execution:
    execution = backend.describe_execution(execution_arn)
    worker = execution.exec_worker
    _wait_for_environment(worker)
    with _lock:
        if execution.exec_status == ExecutionStatus.RUNNING:
            now = datetime.now(UTC)
            worker.stop(stop_date=now, error=error, cause=cause)
            if isinstance(worker.env.program_state(), ProgramStopped):
                # At once, as on AWS; moto would say RUNNING until the interpreter has noticed.
                execution.stop_date, execution.error, execution.cause = now, error, cause
                execution.exec_status = ExecutionStatus.ABORTED
    return execution


def _wait_for_environment(worker: Any) -> None:
    waited = threading.Event()
    for _ in range(START_SECONDS * 100):
        if worker.env is not None:
            return
        waited.wait(0.01)
    raise TimeoutError(f"an execution did not start within {START_SECONDS} s")


def _keep_first_end() -> None:
    """Of the two ends that a program can come to when it is stopped or out of time, the first one counts."""
    reflect = BaseExecutionWorkerCommunication._reflect_execution_status
    set_error = Environment.set_error

    def reflect_execution_status(communication: BaseExecutionWorkerCommunication) -> None:
        with _lock:
            if communication.execution.exec_status == ExecutionStatus.RUNNING:
                reflect(communication)

    def set_error_while_running(env: Environment, error: Any) -> None:
        with env._state_mutex:
            if isinstance(env._program_state, ProgramRunning):
                set_error(env, error)

    BaseExecutionWorkerCommunication._reflect_execution_status = reflect_execution_status
    Environment.set_error = set_error_while_running
