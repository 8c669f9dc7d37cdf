"""Waits share one poll loop, outlive every passing fault and cost AWS as few calls as possible."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Self

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from retraining.triggers import poller as module
from retraining.triggers.poller import ExecutionPoller, PollerKey, Wait
from retraining.triggers.rate_limit import TokenBucket

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
KEY = PollerKey(MACHINE, "aws_default", None)


def arn(number: int) -> str:
    return f"arn:aws:states:us-east-1:123456789012:execution:m:{number}"


def client_error(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "…"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Any")


class FakeStates:
    """Step Functions as the poller sees it: executions with a status, and faults on demand."""

    def __init__(self, count: int = 0) -> None:
        self.status = {arn(number): "RUNNING" for number in range(count)}
        self.unlisted: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.connections = 0
        self.faults: dict[str, list[Exception]] = {}
        self.events: list[dict[str, Any]] = []
        self.on_list: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Self:
        self.connections += 1
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def _call(self, name: str) -> None:
        self.calls[name] += 1
        if self.faults.get(name):
            raise self.faults[name].pop(0)

    async def list_executions(self, **request: Any) -> dict[str, Any]:
        self._call("list")
        self.on_list()
        assert request["statusFilter"] == "RUNNING"
        running = [a for a, status in self.status.items() if status == "RUNNING" and a not in self.unlisted]
        start = int(request.get("nextToken", 0))
        page = {"executions": [{"executionArn": a} for a in running[start : start + 1000]]}
        return page | ({"nextToken": str(start + 1000)} if len(running) > start + 1000 else {})

    async def describe_execution(self, **request: Any) -> dict[str, Any]:
        self._call("describe")
        if request["executionArn"] not in self.status:
            raise client_error("ExecutionDoesNotExist")
        return {"executionArn": request["executionArn"], "status": self.status[request["executionArn"]]}

    async def get_execution_history(self, **request: Any) -> dict[str, Any]:
        self._call("history")
        assert request["reverseOrder"]
        return {"events": list(reversed(self.events))}


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStates]:
    fake = FakeStates(3)

    async def connect(_: ExecutionPoller) -> FakeStates:
        return fake

    monkeypatch.setattr(ExecutionPoller, "_connect", connect)
    monkeypatch.setattr(module, "MIN_POLL_SECONDS", 0.001)
    monkeypatch.setattr(module, "MAX_BACKOFF_SECONDS", 0.001)
    yield fake
    assert not ExecutionPoller._pollers


async def ended(wait: Wait, key: PollerKey = KEY) -> Wait:
    """Wait as the trigger does."""
    poller = ExecutionPoller.join(key, wait)
    try:
        while wait.ended is None and wait.error is None:
            await wait.changed.wait()
            wait.changed.clear()
    finally:
        poller.leave(wait)
    return wait


def run(*waits: Wait) -> list[Wait]:
    async def together() -> list[Wait]:
        async with asyncio.timeout(20):
            return await asyncio.gather(*(ended(wait) for wait in waits))

    return asyncio.run(together())


def after_rounds(states: FakeStates, rounds: int, status: str = "SUCCEEDED") -> None:
    """End every execution once the list has been asked so often."""

    def end() -> None:
        if states.calls["list"] > rounds:
            states.status = dict.fromkeys(states.status, status)

    states.on_list = end


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


@pytest.mark.parametrize("call", ["list", "describe"])
@pytest.mark.parametrize(
    "fault",
    [
        client_error("ThrottlingException"),
        client_error("InternalServerError", 500),
        client_error("ServiceUnavailable", 503),
        client_error("ExpiredTokenException"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:9"),
        ConnectionResetError(),
        TimeoutError(),
    ],
    ids=lambda fault: type(fault).__name__ if not isinstance(fault, ClientError) else str(fault)[:60],
)
def test_passing_faults_never_fail_a_wait(
    states: FakeStates, monkeypatch: pytest.MonkeyPatch, call: str, fault: Exception
) -> None:
    monkeypatch.setattr(TokenBucket, "drain", lambda _: None)
    states.faults = {call: [fault] * 3}
    states.status = dict.fromkeys(states.status, "SUCCEEDED")
    waits = run(*(Wait(arn(number)) for number in range(3)))
    assert all(wait.ended and wait.ended["status"] == "SUCCEEDED" for wait in waits)
    assert states.connections > 1, "a new client, so that credentials are read anew"


def test_throttling_empties_the_buckets(states: FakeStates) -> None:
    states.faults = {"list": [client_error("ThrottlingException")]}
    states.status = dict.fromkeys(states.status, "SUCCEEDED")

    async def slowed() -> bool:
        wait = Wait(arn(0))
        task = asyncio.ensure_future(ended(wait))
        while not states.calls["list"]:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        poller = ExecutionPoller._pollers[id(asyncio.get_running_loop()), KEY]
        empty = not poller._quota.describe.try_take()
        await task
        return empty

    assert asyncio.run(slowed())


def test_what_waiting_does_not_mend_ends_the_wait_with_its_reason(states: FakeStates) -> None:
    states.faults = {"list": [client_error("AccessDeniedException")]}
    waits = run(Wait(arn(0)), Wait(arn(1)))
    assert all("AccessDeniedException" in str(wait.error) for wait in waits)


def test_an_execution_that_does_not_exist_ends_its_own_wait_only(states: FakeStates) -> None:
    after_rounds(states, 3)
    waits = run(Wait(arn(99)), Wait(arn(0)))
    assert "ExecutionDoesNotExist" in str(waits[0].error)
    assert waits[1].ended
    assert waits[1].ended["status"] == "SUCCEEDED"


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
    monkeypatch.setattr(module, "MIN_POLL_SECONDS", 0.2)

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

    assert asyncio.run(join()) > 2 * 0.2 * (1 - module.JITTER)


def test_states_are_followed_without_reading_an_event_twice(
    states: FakeStates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HISTORY_SECONDS", 0.0)
    states.events = [{"id": number, "type": "TaskStateEntered"} for number in (1, 2)]
    after_rounds(states, 5)

    def more() -> None:
        if states.calls["list"] == 3:
            states.events.append({"id": 3, "type": "TaskStateExited"})
        if states.calls["list"] > 5:
            states.status = dict.fromkeys(states.status, "SUCCEEDED")

    states.on_list = more
    (wait,) = run(Wait(arn(0), follow=True))
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
