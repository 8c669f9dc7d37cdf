"""What Airflow tells triggers of a task: its state and its XComs."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from retraining.triggers.execution import ExecutionTrigger


class FakeTriggerer:
    """One task instance as Airflow has it.

    :param monkeypatch: puts it in place of what triggers ask.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, run_id: str = "r", map_index: int = -1) -> None:
        self.ti: Any = SimpleNamespace(
            dag_id="d", run_id=run_id, task_id="wait", map_index=map_index, try_number=1
        )
        self.states: dict[str, Any] = {}
        self.state = "deferred"
        self.xcoms: dict[str, Any] = {}
        self.asked = 0
        self.fault: Exception | None = None
        monkeypatch.setattr(BaseXCom, "aget_one", self._get)
        monkeypatch.setattr(BaseXCom, "aset", self._set)
        monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", self._task_states)

    @property
    def state(self) -> str | None:
        """The task's state."""
        return self._state

    @state.setter
    def state(self, state: str | None) -> None:
        self._state = state
        name = "wait" if self.ti.map_index < 0 else f"wait_{self.ti.map_index}"
        self.states = {self.ti.run_id: {name: state}}

    def deferred_again(self) -> None:
        """As after a clear: the same task, another try."""
        self.ti = SimpleNamespace(**{**vars(self.ti), "try_number": self.ti.try_number + 1})

    def take_up(self, trigger: ExecutionTrigger, trigger_id: int = 1) -> ExecutionTrigger:
        """Give a trigger what a triggerer gives it."""
        # A triggerer has another kind of task instance, of which triggers read these fields.
        trigger.task_instance = self.ti
        trigger.trigger_id = trigger_id
        return trigger

    async def _get(self, *, key: str, **_: Any) -> Any:
        self.asked += 1
        if self.fault:
            raise self.fault
        return copy.deepcopy(self.xcoms.get(key))

    async def _set(self, key: str, value: Any, **_: Any) -> None:
        if self.fault:
            raise self.fault
        # PostgreSQL's JSONB sorts keys by length, then by bytes; this is as far from that as from their own.
        self.xcoms[key] = dict(sorted(value.items(), reverse=True))

    def _task_states(self, **asked: Any) -> dict[str, Any]:
        assert asked["map_index"] == self.ti.map_index
        if self.fault:
            raise self.fault
        return self.states
