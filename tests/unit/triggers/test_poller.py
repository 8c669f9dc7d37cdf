"""Waits share one poll loop, outlive every passing fault and cost AWS as few calls as possible."""

from __future__ import annotations

import asyncio

import pytest

from retraining.triggers import wait as waiting
from retraining.triggers.wait import Wait
from tests.unit.triggers.fake_states import KEY, FakeStates, after_rounds, arn, ended, run


def test_a_thousand_waits_cost_one_list_a_round_and_one_describe_each(states: FakeStates) -> None:
    states.status = {arn(number): "RUNNING" for number in range(1000)}
    after_rounds(states, 10)
    # The quotas hold: 200 describes at once, so a thousand are spread out.
    waits = run(*(Wait(arn(number)) for number in range(150)))
    assert {wait.ended["status"] for wait in waits if wait.ended} == {"SUCCEEDED"}
    assert states.calls == {"list": 11, "describe": 150}
    assert states.connections == 1


def test_more_than_a_page_of_executions(states: FakeStates) -> None:
    states.status = {arn(number): "RUNNING" for number in range(2500)}
    states.status[arn(2400)] = "FAILED"
    (wait,) = run(Wait(arn(2400)))
    assert wait.ended
    assert wait.ended["status"] == "FAILED"
    assert states.calls == {"list": 3, "describe": 1}


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_every_end_is_an_end(states: FakeStates, status: str) -> None:
    after_rounds(states, 2, status)
    (wait,) = run(Wait(arn(0)))
    assert wait.ended
    assert wait.ended["status"] == status
    assert not wait.was_over_at_first_look


def test_an_execution_that_was_over_before_the_wait_is_known_as_such(states: FakeStates) -> None:
    states.status[arn(0)] = "FAILED"
    (wait,) = run(Wait(arn(0)))
    assert wait.was_over_at_first_look


def test_an_execution_that_the_list_does_not_show_yet_is_waited_for(states: FakeStates) -> None:
    states.unlisted = {arn(0)}
    after_rounds(states, 3)
    (wait,) = run(Wait(arn(0)))
    assert wait.ended
    assert wait.ended["status"] == "SUCCEEDED"


def test_two_waits_for_one_execution_cost_one_describe(states: FakeStates) -> None:
    after_rounds(states, 2)
    waits = run(Wait(arn(0)), Wait(arn(0)))
    assert all(wait.ended for wait in waits)
    assert states.calls["describe"] == 1


def test_connections_and_state_machines_are_polled_side_by_side(states: FakeStates) -> None:
    keys = [KEY, KEY._replace(aws_conn_id="other"), KEY._replace(region_name="eu-west-1")]
    after_rounds(states, 6)

    async def together() -> None:
        await asyncio.gather(*(ended(Wait(arn(0)), key) for key in keys))

    asyncio.run(together())
    assert states.connections == 3


def test_a_cancelled_wait_leaves_the_others_alone_and_the_last_one_ends_the_loop(states: FakeStates) -> None:
    async def cancel() -> None:
        first, second = (asyncio.ensure_future(ended(Wait(arn(number)))) for number in range(2))
        while states.calls["list"] < 2:
            await asyncio.sleep(0.001)
        first.cancel()
        await asyncio.wait([first])
        rounds = states.calls["list"]
        while states.calls["list"] < rounds + 2:
            await asyncio.sleep(0.001)
        second.cancel()
        await asyncio.wait([second])
        # A wait that comes right after starts a loop of its own.
        states.status = dict.fromkeys(states.status, "SUCCEEDED")
        assert (await ended(Wait(arn(2)))).ended

    asyncio.run(cancel())


def test_a_new_wait_need_not_sit_out_a_long_ones_interval(states: FakeStates) -> None:
    async def join() -> None:
        slow = asyncio.ensure_future(ended(Wait(arn(0), poll_seconds=3600)))
        await asyncio.sleep(0.01)
        states.status[arn(1)] = "SUCCEEDED"
        async with asyncio.timeout(5):
            assert (await ended(Wait(arn(1)))).ended
        slow.cancel()
        await asyncio.wait([slow])

    asyncio.run(join())


def test_a_new_wait_is_looked_at_at_once(states: FakeStates) -> None:
    states.status[arn(0)] = "SUCCEEDED"
    (wait,) = run(Wait(arn(0), poll_seconds=3600))
    assert wait.was_over_at_first_look


def test_new_waits_do_not_poll_more_than_once_a_second(
    states: FakeStates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MIN_POLL_SECONDS", 0.2)

    async def join() -> float:
        began = asyncio.get_running_loop().time()
        waits = []
        while states.calls["list"] < 3:
            waits.append(asyncio.ensure_future(ended(Wait(arn(0), poll_seconds=3600))))
            await asyncio.sleep(0.001)
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(join()) > 2 * 0.2 * (1 - waiting.JITTER)


def test_states_are_followed_without_reading_an_event_twice(
    states: FakeStates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "HISTORY_SECONDS", 0.001)
    states.events = [{"id": number, "type": "TaskStateEntered"} for number in (1, 2)]
    wait = Wait(arn(0), follow=True)

    def more() -> None:
        if len(wait.events) == 2 and len(states.events) == 2:
            states.events.append({"id": 3, "type": "TaskStateExited"})
        if len(wait.events) > 2:
            states.status = dict.fromkeys(states.status, "SUCCEEDED")

    states.on_list = more
    run(wait)
    assert [event["id"] for event in wait.events] == [1, 2, 3]


def test_history_is_read_once_a_minute_at_most(states: FakeStates) -> None:
    after_rounds(states, 50)
    run(Wait(arn(0), follow=True))
    assert states.calls["history"] == 0


def test_intervals_grow_with_the_wait_and_stay_bounded() -> None:
    wait = Wait(arn(0), since=0)
    seconds = [wait.interval(now) for now in (0, 5, 60, 100, 1000, 100_000)]
    assert seconds == [1, 1, 1.2, 2, 20, 30]
    assert Wait(arn(0), poll_seconds=5, since=0).interval(1000) == 5
