"""Runs an execution's states, with a thread only while there is something to do.

moto's own worker takes two threads an execution for all its life, and cannot begin anywhere but at the start.
"""

from __future__ import annotations

import threading
from datetime import datetime
from functools import lru_cache
from typing import Any

from moto.stepfunctions.parser.api import (
    ExecutionFailedEventDetails,
    ExecutionStartedEventDetails,
    HistoryEventExecutionDataDetails,
    HistoryEventType,
)
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from include.local_aws.stepfunctions import retry_pause
from include.local_aws.stepfunctions.json_times import iso_8601
from include.local_aws.timers import Timer, Timers

_timers = Timers()


class _WaitingError(BaseException):
    """Unwinds a Wait state; no Exception, which the interpreter would take for a failure of the state."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


@lru_cache(maxsize=64)
def parsed(definition: str) -> Program:
    """
    A definition as the interpreter runs it; reading a long one takes longer than most executions' states.

    :raises Exception: the interpreter's, when it does not know something of the definition.
    """
    return AmazonStateLanguageParser.parse(definition)[0]


class Worker(ExecutionWorker):  # type: ignore[misc]
    """
    Runs one execution: from its start, and again from a state of its own when it is redriven.

    :ivar at: name and input of the state that is or was run last.
    :ivar idle: set once nothing of the execution runs any more.
    """

    env: Environment
    at: tuple[str, Any]

    def start(self) -> None:
        """Begin at the start of the definition."""
        details = self._evaluation_details
        self._program = parsed(details.state_machine_details.definition)
        self._lock = threading.Lock()
        self._wait: tuple[CommonStateField, Timer] | None = None
        self._deadline: Timer | None = None
        self.idle = threading.Event()
        self.env = self._get_evaluation_environment()
        # https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
        context = self.env.states.context_object.context_object_data["Execution"]
        context |= {"StartTime": iso_8601(details.execution_details.start_time), "RedriveCount": 0}
        started = ExecutionStartedEventDetails(
            input=to_json_str(details.execution_details.inpt),
            inputDetails=HistoryEventExecutionDataDetails(truncated=False),
            roleArn=details.aws_execution_details.role_arn,
        )
        self.env.event_manager.add_event(
            context=self.env.event_history_context,
            event_type=HistoryEventType.ExecutionStarted,
            event_details=EventDetails(executionStartedEventDetails=started),
            update_source_event_id=False,
        )
        self.begin_at(self._program.start_at.start_at_name)

    def state(self, name: str) -> CommonStateField:
        """A state of the definition."""
        return self._program._get_state(name)

    def begin_at(self, name: str) -> None:
        """Run from a state on; the state machine's time limit begins anew."""
        self.idle.clear()
        # What ended the execution before; a name can be set only where nothing has ended.
        self.env._program_state = None
        self.env.next_state_name = name
        # Also here, as it may be stopped before its thread gets to run.
        self.at = name, self.env.states.get_input()
        if self._program.timeout_seconds:
            self._deadline = _timers.after(self._program.timeout_seconds.timeout_seconds, self._time_out)
        self._spawn(None)

    def stop(self, stop_date: datetime, error: str | None, cause: str | None) -> None:
        """End the execution as stopped, unless it has ended."""
        self.env.set_stop(stop_date=stop_date, cause=cause, error=error)
        self._wake()

    def _time_out(self) -> None:
        with self.env._state_mutex:
            if not self.env.is_running():
                return
            self.env.set_timed_out()
        # At once: what the state has begun may take its time to end.
        self._execution_communication.terminated()
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            waited, self._wait = self._wait, None
        if waited:
            waited[1].cancel()
            self._spawn(waited[0])

    def _spawn(self, waited: CommonStateField | None) -> None:
        name = self._evaluation_details.execution_details.name
        threading.Thread(target=self._advance, args=(waited,), name=name, daemon=True).start()

    def _advance(self, waited: CommonStateField | None) -> None:
        env = self.env
        retry_pause.run_in_this_thread(env)
        try:
            if waited and env.is_running():
                _leave(waited, env)
            while env.is_running():
                state = self.state(env.next_state_name)
                self.at = state.name, env.states.get_input()
                state.eval(env)
                env.stack.clear()
                env.heap.clear()
        except _WaitingError as wait:
            with self._lock:
                if env.is_running():
                    self._wait = state, _timers.after(wait.seconds, self._wake)
                    return
        except FailureEventException as error:
            self._fail(error.get_execution_failed_event_details())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the execution's failure
            cause = f"{type(error).__name__}({error})"
            self._fail(ExecutionFailedEventDetails(error="States.Runtime", cause=cause))
        self._end()

    def _fail(self, details: ExecutionFailedEventDetails) -> None:
        with self.env._state_mutex:
            # Of the two ends that come together when it is stopped or out of time, the first one counts.
            if self.env.is_running():
                self.env.set_error(details)

    def _end(self) -> None:
        if self._deadline:
            self._deadline.cancel()
        # Nothing runs any more, so that all this does is to write the event of the end.
        self._program._eval_body(self.env)
        self._execution_communication.terminated()
        self.idle.set()


def _leave(state: CommonStateField, env: Environment) -> None:
    """The part of a Wait state that comes after the wait."""
    if state.assign_decl:
        state.assign_decl.eval(env=env)
    state._eval_state_output(env=env)
    state._verify_size_quota(env=env, value=env.states.get_input())
    state._set_next(env)
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=state.state_exited_event_type,
        event_details=EventDetails(stateExitedEventDetails=state._get_state_exited_event_details(env=env)),
    )
    env.stack.clear()
    env.heap.clear()


def install() -> None:
    """Let a Wait state of an execution give its thread away, and a pause before a retry end with it."""
    retry_pause.install()
    wait = WaitFunction._wait_interval

    def wait_interval(function: WaitFunction, env: Environment, wait_seconds: int) -> None:
        # A branch of a Parallel or Map state has a thread of its own, which may as well wait.
        if env.is_frame():
            wait(function, env, wait_seconds)
        elif wait_seconds > 0:
            raise _WaitingError(wait_seconds)

    WaitFunction._wait_interval = wait_interval
