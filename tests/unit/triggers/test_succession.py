"""A person who ends a wait ends the execution; a triggerer that takes the wait over does not."""

from __future__ import annotations

import asyncio

import pytest

from retraining.triggers import succession as module
from retraining.triggers.succession import Succession, Verdict
from tests.unit.triggers.fake_triggerer import FakeTriggerer


@pytest.fixture(params=[-1, 3], ids=["plain", "mapped"])
def airflow(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> FakeTriggerer:
    monkeypatch.setattr(module, "ASK_AGAIN_SECONDS", 0.01)
    return FakeTriggerer(monkeypatch, map_index=request.param)


async def waiting(airflow: FakeTriggerer, trigger_id: int = 1) -> Succession:
    copy = Succession(airflow.ti, trigger_id, "an arn")
    await copy.sign()
    return copy


async def verdict(copy: Succession) -> Verdict:
    return (await copy.verdict(0.1))[0]


@pytest.mark.parametrize("state", ["failed", "success", "skipped", None, "scheduled"])
def test_a_task_that_a_person_ended_or_cleared_was_killed(airflow: FakeTriggerer, state: str | None) -> None:
    async def kill() -> Verdict:
        copy = await waiting(airflow)
        airflow.state = state
        return await verdict(copy)

    assert asyncio.run(kill()) is Verdict.KILLED


def test_a_task_whose_run_was_deleted_was_killed(airflow: FakeTriggerer) -> None:
    async def delete() -> Verdict:
        copy = await waiting(airflow)
        airflow.states, airflow.xcoms = {}, {}
        return await verdict(copy)

    assert asyncio.run(delete()) is Verdict.KILLED


@pytest.mark.parametrize("trigger_id", [1, 2], ids=["number given again", "number of its own"])
def test_a_task_that_was_cleared_and_is_deferred_again_was_killed(
    airflow: FakeTriggerer, trigger_id: int
) -> None:
    async def clear() -> Verdict:
        copy = await waiting(airflow)
        airflow.deferred_again()
        # The new trigger takes a moment to begin.
        asking = asyncio.ensure_future(copy.verdict(5))
        await asyncio.sleep(0.03)
        assert not asking.done()
        await waiting(airflow, trigger_id)
        return (await asking)[0]

    assert asyncio.run(clear()) is Verdict.KILLED


@pytest.mark.parametrize("state", ["deferred", "success", "failed", "scheduled", "running"])
def test_a_wait_that_moved_was_not_killed_however_it_ended_there(airflow: FakeTriggerer, state: str) -> None:
    async def move() -> Verdict:
        copy = await waiting(airflow)
        await waiting(airflow)
        airflow.state = state
        return await verdict(copy)

    assert asyncio.run(move()) is Verdict.MOVED


def test_a_wait_that_moves_while_it_is_asked_for_was_not_killed(airflow: FakeTriggerer) -> None:
    async def move() -> Verdict:
        copy = await waiting(airflow)
        asking = asyncio.ensure_future(copy.verdict(5))
        await asyncio.sleep(0.03)
        await waiting(airflow)
        return (await asking)[0]

    assert asyncio.run(move()) is Verdict.MOVED


def test_of_a_wait_that_moved_and_was_cleared_there_only_the_copy_there_was_killed(
    airflow: FakeTriggerer,
) -> None:
    async def both() -> list[Verdict]:
        asleep = await waiting(airflow)
        there = await waiting(airflow)
        airflow.deferred_again()
        await waiting(airflow, trigger_id=2)
        return [await verdict(asleep), await verdict(there)]

    assert asyncio.run(both()) == [Verdict.MOVED, Verdict.KILLED]


def test_without_an_answer_nothing_is_known(airflow: FakeTriggerer) -> None:
    async def unanswered() -> tuple[Verdict, str]:
        copy = await waiting(airflow)
        airflow.fault = RuntimeError("API_SERVER_ERROR")
        return await copy.verdict(0.1)

    found, why = asyncio.run(unanswered())
    assert found is Verdict.UNCLEAR
    assert "API_SERVER_ERROR" in why


def test_a_copy_that_had_no_time_to_sign_knows_of_others_that_had(airflow: FakeTriggerer) -> None:
    async def unsigned() -> list[Verdict]:
        copy = Succession(airflow.ti, 1, "an arn")
        verdicts = [await verdict(copy)]
        airflow.state = "failed"
        verdicts.append(await verdict(copy))
        airflow.deferred_again()
        airflow.state = "deferred"
        await waiting(airflow, trigger_id=2)
        verdicts.append(await verdict(copy))
        return verdicts

    assert asyncio.run(unsigned()) == [Verdict.UNCLEAR, Verdict.KILLED, Verdict.KILLED]


def test_a_kill_just_after_a_restart_is_one(airflow: FakeTriggerer) -> None:
    async def restart() -> Verdict:
        await waiting(airflow)
        copy = Succession(airflow.ti, 1, "an arn")
        airflow.state = "failed"
        return await verdict(copy)

    assert asyncio.run(restart()) is Verdict.KILLED


def test_a_copy_that_had_no_time_to_sign_gives_way_to_one_that_had(airflow: FakeTriggerer) -> None:
    async def unsigned() -> Verdict:
        copy = Succession(airflow.ti, 1, "an arn")
        await waiting(airflow)
        airflow.state = "success"
        return await verdict(copy)

    assert asyncio.run(unsigned()) is Verdict.MOVED


def test_a_deferred_task_that_nobody_has_taken_over_is_left_alone(airflow: FakeTriggerer) -> None:
    async def alone() -> Verdict:
        return await verdict(await waiting(airflow))

    assert asyncio.run(alone()) is Verdict.UNCLEAR


def test_the_first_try_asks_for_no_xcom_that_is_not_there(airflow: FakeTriggerer) -> None:
    asyncio.run(waiting(airflow))
    assert airflow.asked == 0


def test_signatures_do_not_pile_up(airflow: FakeTriggerer) -> None:
    async def many() -> None:
        for _ in range(3 * module.KEPT):
            airflow.deferred_again()
            await waiting(airflow)

    asyncio.run(many())
    assert len(airflow.xcoms[module.KEY]) == module.KEPT
