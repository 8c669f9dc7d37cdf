"""The executions of a DAG run: one an attempt, which every try of the task that starts it finds again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from retraining.arns import execution_arn, machine_name
from retraining.errors import RunConfigError
from retraining.execution.causes import kill_cause
from retraining.execution.name import execution_name, is_same_run, name_before_stacks
from retraining.hooks.state_machine import StateMachineHook


@dataclass(frozen=True)
class StartingTask:
    """A try of the task that starts an execution for its run.

    :param attempt: which training of the run this is.
    :param is_retry: whether there was an earlier try, which may have begun.
    :param start: tells this start from the others of its run; empty where there is no other.
    :param identity: tells this run from another Airflow's of the same name.
    """

    dag_id: str
    run_id: str
    task_id: str
    attempt: int
    is_retry: bool
    start: str
    identity: Mapping[str, str]


class RunExecutions:
    """Starts, finds and stops the executions of a run.

    :param state_machine_arn: the state machine, or one of its versions.
    :param task: the task that starts them.
    """

    def __init__(self, hook: StateMachineHook, state_machine_arn: str, task: StartingTask) -> None:
        self._hook = hook
        self._state_machine = state_machine_arn
        self._task = task
        self._starting: str | None = None

    @property
    def _cause(self) -> str:
        return kill_cause(self._task.dag_id, self._task.run_id, self._task.task_id)

    def _names(self, attempt: int) -> list[str]:
        """What an attempt's execution is called, and what it was called before names told stacks apart."""
        task = self._task
        name = execution_name(
            task.dag_id,
            task.run_id,
            attempt,
            state_machine=machine_name(self._state_machine),
            start=task.start,
        )
        return [name] if task.start else [name, name_before_stacks(task.dag_id, task.run_id, attempt)]

    def _arn(self, name: str) -> str:
        return execution_arn(self._state_machine, name)

    def stop_earlier(self) -> None:
        """Stop what an earlier attempt left running: a person has cleared it, to have it done again.

        :raises RunConfigError: when it is another DAG run's of the same name.
        """
        arns = [
            [self._arn(name) for name in self._names(earlier)] for earlier in range(1, self._task.attempt)
        ]
        for execution in self._hook.find_begun(*arns):
            if execution["status"] != "RUNNING":
                continue
            arn = execution["executionArn"]
            if not is_same_run(json.loads(execution["input"]), self._task.identity):
                raise RunConfigError(
                    f"{arn} is running, and was started by another DAG run of this name, in another"
                    " Airflow or before this DAG changed; wait for its end, or stop it"
                )
            self._hook.stop(arn, self._cause)

    def start(self, make_input: Callable[[str], Mapping[str, Any]]) -> str:
        """Start this attempt's execution, or adopt what an earlier try started.

        :param make_input: makes the execution's input of its name.
        :return: the execution's ARN.
        """
        name, *before = self._names(self._task.attempt)
        # An earlier try may have begun before the names changed.
        for found in before if self._task.is_retry else ():
            if self._hook.find(self._arn(found)):
                name = found
        self._starting = self._arn(name)
        given = dict(make_input(name))
        if name not in before:
            given |= self._task.identity
        return self._hook.start_or_adopt(self._state_machine, name, given)

    def stop(self) -> None:
        """Stop what may have been started just before the task was killed."""
        if self._starting:
            self._hook.stop(self._starting, self._cause)

    def latest_input(self) -> dict[str, Any] | None:
        """Input of the run's latest execution, if it has one."""
        for attempt in range(self._task.attempt, 0, -1):
            for name in self._names(attempt):
                if execution := self._hook.find(self._arn(name)):
                    given: dict[str, Any] = json.loads(execution["input"])
                    if is_same_run(given, self._task.identity):
                        return given
        return None
