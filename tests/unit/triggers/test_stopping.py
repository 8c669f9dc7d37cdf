"""What a trigger does when Airflow says that a person killed its task, which may not be so."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from airflow.triggers.base import TriggerEvent

from retraining.triggers import execution as triggers
from retraining.triggers import stopping, succession
from retraining.triggers.execution import ExecutionTrigger
from tests.unit.triggers.fake_states import FakeStates, arn, client_error
from tests.unit.triggers.fake_triggerer import FakeTriggerer

ON_KILL_SECONDS = 1


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch, states: FakeStates) -> FakeTriggerer:
    async def connect(_: object) -> FakeStates:
        return states

    monkeypatch.setattr(stopping, "connect", connect)
    monkeypatch.setattr(stopping, "TRY_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(succession, "ASK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(triggers, "SIGNING_SECONDS", 0.01)
    monkeypatch.setattr(triggers, "SPARE_SECONDS", 0)
    monkeypatch.setenv("AIRFLOW__TRIGGERER__ON_KILL_TIMEOUT", str(ON_KILL_SECONDS))
    return FakeTriggerer(monkeypatch)


class Waiting:
    """A copy of a trigger that waits in a triggerer."""

    def __init__(self, airflow: FakeTriggerer, trigger_id: int = 1) -> None:
        self.trigger = airflow.take_up(ExecutionTrigger(arn(0), "aws_default", follow=False), trigger_id)
        # Airflow's own goes past pytest's caplog.
        self.trigger._log = cast("Any", logging.getLogger(__name__))
        self.event: asyncio.Future[TriggerEvent] = asyncio.ensure_future(anext(self.trigger.run()))

    async def kill(self) -> None:
        """As a triggerer does whose database says that the trigger is no longer its own."""
        self.event.cancel()
        await asyncio.wait([self.event])
        await self.trigger.on_kill()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.001)


async def waiting(airflow: FakeTriggerer, trigger_id: int = 1) -> Waiting:
    """A copy that has signed."""
    before = str(airflow.xcoms)
    copy = Waiting(airflow, trigger_id)
    await until(lambda: str(airflow.xcoms) != before)
    return copy


async def kill(airflow: FakeTriggerer) -> None:
    """A person marks the waiting task failed."""
    copy = await waiting(airflow)
    airflow.state = "failed"
    await copy.kill()


def test_a_kill_stops_the_execution(airflow: FakeTriggerer, states: FakeStates) -> None:
    asyncio.run(kill(airflow))
    assert states.status[arn(0)] == "ABORTED"


def test_a_stop_that_aws_refuses_at_first_is_repeated(airflow: FakeTriggerer, states: FakeStates) -> None:
    states.faults = {"stop": [client_error("ThrottlingException"), ConnectionResetError()]}

    asyncio.run(kill(airflow))
    assert states.status[arn(0)] == "ABORTED"


def test_what_was_redriven_since_is_not_stopped(airflow: FakeTriggerer, states: FakeStates) -> None:
    async def kill() -> None:
        copy = await waiting(airflow)
        await until(lambda: states.calls["list"] > 1)
        states.details[arn(0)] = {"redriveCount": 1}
        airflow.state = "scheduled"
        await copy.kill()

    asyncio.run(kill())
    assert states.calls["stop"] == 0


@pytest.mark.parametrize("end", ["FAILED", "unknown"])
def test_what_a_copy_ends_in_failure_no_other_copy_takes_for_a_kill(
    airflow: FakeTriggerer, states: FakeStates, end: str
) -> None:
    async def wake() -> None:
        paused = await waiting(airflow)
        other = await waiting(airflow)
        # The one that was paused wakes, sees the end first, and a worker takes the work up at once.
        if end == "FAILED":
            states.status[arn(0)] = "FAILED"
        else:
            states.faults = {"list": [client_error("AccessDeniedException")]}
        other.event.cancel()
        await paused.event
        states.status[arn(0)] = "RUNNING"
        airflow.state = "running"
        await other.trigger.on_kill()

    asyncio.run(wake())
    assert states.calls["stop"] == 0


def test_a_wait_that_airflow_could_not_note_at_once_is_stopped_all_the_same(
    airflow: FakeTriggerer, states: FakeStates
) -> None:
    airflow.fault = RuntimeError("API_SERVER_ERROR")

    async def kill() -> None:
        copy = Waiting(airflow)
        await until(lambda: states.calls["list"] > 3)
        airflow.fault = None
        await until(lambda: bool(airflow.xcoms))
        airflow.state = "failed"
        await copy.kill()

    asyncio.run(kill())
    assert states.status[arn(0)] == "ABORTED"


def test_without_an_answer_the_execution_goes_on_and_the_log_says_so(
    airflow: FakeTriggerer, states: FakeStates, caplog: pytest.LogCaptureFixture
) -> None:
    async def kill() -> None:
        copy = await waiting(airflow)
        airflow.state = "failed"
        airflow.fault = RuntimeError("API_SERVER_ERROR")
        with caplog.at_level(logging.ERROR):
            await copy.kill()

    asyncio.run(kill())
    assert states.status[arn(0)] == "RUNNING"
    assert "goes on" in caplog.text
    assert "API_SERVER_ERROR" in caplog.text


def test_an_aws_that_does_not_answer_holds_nobody_up(
    airflow: FakeTriggerer, states: FakeStates, caplog: pytest.LogCaptureFixture
) -> None:
    states.latency = {"stop": 600}

    async def kill() -> float:
        copy = await waiting(airflow)
        airflow.state = "failed"
        began = time.monotonic()
        with caplog.at_level(logging.ERROR):
            await copy.kill()
        return time.monotonic() - began

    assert asyncio.run(kill()) < ON_KILL_SECONDS + 1
    assert "Could not stop" in caplog.text
