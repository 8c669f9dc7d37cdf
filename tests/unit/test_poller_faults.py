"""Passing faults never fail a wait; what waiting does not mend ends it with its reason."""

from __future__ import annotations

import asyncio

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from retraining.triggers.poller import ExecutionPoller, Wait
from retraining.triggers.rate_limit import TokenBucket
from tests.unit.fake_states import KEY, FakeStates, after_rounds, arn, client_error, ended, run


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
