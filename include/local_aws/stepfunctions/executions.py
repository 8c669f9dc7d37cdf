"""Executions: started by name and version, stopped at once, ended only once, as on AWS."""

from __future__ import annotations

import copy
import json
import threading
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.exceptions import ExecutionAlreadyExists, ExecutionDoesNotExist, InvalidExecutionInput
from moto.stepfunctions.models import StateMachine, StateMachineInstance, StateMachineVersion
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.backend import execution as moto_execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from include.local_aws.faults.lag import Past, as_of
from include.local_aws.stepfunctions import execution_logs, execution_worker
from include.local_aws.stepfunctions.execution_worker import Worker
from include.local_aws.stepfunctions.state_machines import seen_machine

# What reads say of an execution, and what its life changes.
READ = ("exec_status", "stop_date", "output", "error", "cause", "redrive_count", "redrive_date")

# Called whenever the status of an execution has changed.
told: list[Callable[[Execution], None]] = []

# Taken for whatever reads an execution's status in order to change it.
status_lock = threading.RLock()


class Execution(moto_execution.Execution):  # type: ignore[misc]
    """
    An execution, with what moto's lacks.

    :ivar version_arn: the version that was asked for, if one was.
    :ivar redrives: client token and date of the latest redrives.
    """

    exec_worker: Worker

    def __init__(self, *, version_arn: str | None, **fields: Any) -> None:
        super().__init__(cloud_watch_logging_session=None, activity_store={}, **fields)
        self.version_arn = version_arn
        self.redrive_count = 0
        self.redrive_date: datetime | None = None
        # By the reference of RedriveExecution, the last ten.
        self.redrives: deque[tuple[str, datetime]] = deque(maxlen=10)
        self._past = Past()

    @property
    def is_running(self) -> bool:
        return bool(self.exec_status == ExecutionStatus.RUNNING)

    def note(self) -> None:
        """Tell of the state that was just entered, and keep it for reads that are behind."""
        self._past.note({name: getattr(self, name) for name in READ})
        for tell in told:
            tell(self)

    def seen(self) -> Execution | None:
        """The execution as the request being answered sees it; None when it does not see it yet."""
        if as_of() is None:
            return self
        state = self._past.seen()
        if state is None:
            return None
        seen = copy.copy(self)
        for name, value in state.items():
            setattr(seen, name, value)
        return seen

    def _get_start_execution_worker(self) -> Worker:
        details = super()._get_start_execution_worker()._evaluation_details
        logging = execution_logs.session(self.state_machine, self.exec_arn, lambda: self.redrive_count)
        return Worker(details, _Communication(self), logging, {})


class _Communication(moto_execution.BaseExecutionWorkerCommunication):  # type: ignore[misc]
    """Of two ends that an execution comes to when it is stopped or out of time, the first one counts."""

    def _reflect_execution_status(self) -> None:
        with status_lock:
            if self.execution.is_running:
                super()._reflect_execution_status()
                if not self.execution.is_running:
                    self.execution.note()


def install() -> None:
    """Put the replacements in place."""
    execution_worker.install()
    StepFunctionsParserBackend.start_execution = _start_execution
    StepFunctionsParserBackend.stop_execution = _stop_execution
    StepFunctionsParserBackend.describe_execution = _describe_execution


def _by_name(machine: StateMachine) -> dict[str, Execution]:
    """The executions of a state machine; moto's list would have to be searched from its start."""
    by_name: dict[str, Execution] = vars(machine).setdefault("executions_by_name", {})
    return by_name


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
    with status_lock:
        existing = _by_name(machine).get(name)
        if existing is not None:
            # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
            if existing.is_running and existing.execution_input == execution_input:
                return existing
            raise ExecutionAlreadyExists(f"Execution Already Exists: '{existing.execution_arn}'")
        # A snapshot: an update of the state machine does not change what runs. It has the ARN of the
        # state machine even if a version was asked for: executions of all versions share one space of names.
        seen = seen_machine(target)
        snapshot = StateMachineInstance(
            machine.arn,
            machine.name,
            seen["definition"],
            seen["roleArn"],
            loggingConfiguration=target.loggingConfiguration,
        )
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
            input_data=execution_input,
            trace_header=trace_header,
            version_arn=target.arn if version else None,
        )
        execution.start()
        execution.note()
        _by_name(machine)[name] = execution
        machine.executions.append(execution)
    return execution


def _stop_execution(
    backend: StepFunctionsParserBackend,
    execution_arn: str,
    error: str | None = None,
    cause: str | None = None,
) -> Execution:
    execution: Execution = backend.describe_execution(execution_arn)
    worker = execution.exec_worker
    with status_lock:
        if execution.is_running:
            now = datetime.now(UTC)
            worker.stop(stop_date=now, error=error, cause=cause)
            if isinstance(worker.env.program_state(), ProgramStopped):
                # At once, as on AWS; moto would say RUNNING until the interpreter has noticed.
                execution.stop_date, execution.error, execution.cause = now, error, cause
                execution.exec_status = ExecutionStatus.ABORTED
                execution.note()
    return execution


def _describe_execution(backend: StepFunctionsParserBackend, execution_arn: str) -> Execution:
    backend._validate_execution_arn(execution_arn)
    machine = backend._get_state_machine_for_execution(execution_arn)
    execution = _by_name(machine).get(execution_arn.split(":")[-1])
    if execution is None or execution.execution_arn != execution_arn:
        raise ExecutionDoesNotExist(f"Execution Does Not Exist: '{execution_arn}'")
    return execution
