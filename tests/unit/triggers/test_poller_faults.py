"""Passing faults never fail a wait; what waiting does not mend ends it with its reason."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    MetadataRetrievalError,
    NoCredentialsError,
)
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from retraining.triggers import wait as waiting
from retraining.triggers.aws_faults import Fault, kind_of
from retraining.triggers.pollers import Pollers
from retraining.triggers.rate_limit import TokenBucket
from retraining.triggers.wait import Wait
from tests.unit.triggers.fake_states import KEY, FakeStates, after_rounds, arn, client_error, ended, run


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
        empty = not Pollers.here().quotas(KEY.state_machine_arn).describe.try_take()
        await task
        return empty

    assert asyncio.run(slowed())


def test_what_waiting_does_not_mend_ends_the_wait_with_its_reason(states: FakeStates) -> None:
    states.faults = {"list": [client_error("AccessDeniedException")]}
    waits = run(Wait(arn(0)), Wait(arn(1)))
    assert all("AccessDeniedException" in str(wait.error) for wait in waits)


def test_an_execution_that_aws_does_not_know_ends_its_own_wait_only(
    states: FakeStates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "UNKNOWN_SECONDS", 0.02)
    after_rounds(states, 20)
    waits = run(Wait(arn(99)), Wait(arn(0)))
    assert "ExecutionDoesNotExist" in str(waits[0].error)
    assert waits[1].ended
    assert waits[1].ended["status"] == "SUCCEEDED"


def test_an_execution_that_has_just_begun_may_be_unknown_for_a_while(states: FakeStates) -> None:
    begun = states.status.pop(arn(0))

    def appear() -> None:
        if states.calls["describe"] == 3:
            states.status[arn(0)] = begun
        if states.calls["describe"] == 5:
            states.status[arn(0)] = "SUCCEEDED"

    states.on_list = appear
    states.unlisted = {arn(0)}
    (wait,) = run(Wait(arn(0)))
    assert wait.ended
    assert not wait.was_over_at_first_look
    assert [note for note in wait.notes if "does not know" in note]


def test_an_end_from_before_the_redrive_is_no_end(states: FakeStates) -> None:
    states.status[arn(0)] = "FAILED"

    def redrive() -> None:
        if states.calls["list"] == 4:
            states.details[arn(0)] = {"redriveCount": 2}

    states.on_list = redrive
    (wait,) = run(Wait(arn(0), redrive_count=2))
    assert wait.ended
    assert wait.ended["redriveCount"] == 2
    assert states.calls["list"] >= 4


@pytest.mark.parametrize(
    "fault", [None, client_error("ThrottlingException"), ConnectionResetError()], ids=repr
)
def test_a_describe_that_failed_once_costs_no_retry_its_redrive(
    states: FakeStates, monkeypatch: pytest.MonkeyPatch, fault: Exception | None
) -> None:
    monkeypatch.setattr(TokenBucket, "drain", lambda _: None)
    states.status[arn(0)] = "FAILED"
    states.faults = {"describe": [fault] if fault else []}
    (wait,) = run(Wait(arn(0)))
    assert wait.was_over_at_first_look


def test_an_end_that_the_list_shows_late_was_still_before_the_wait(states: FakeStates) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    states.details[arn(0)] = {"stopDate": yesterday}
    after_rounds(states, 3, "FAILED")
    (wait,) = run(Wait(arn(0)))
    assert wait.was_over_at_first_look


STUBBORN = [
    NoCredentialsError(),
    CredentialRetrievalError(provider="custom", error_msg="timed out"),
    MetadataRetrievalError(error_msg="timed out"),
    client_error("RequestTimeout", 408),
    client_error("IDPCommunicationError"),
    client_error("ExpiredTokenException"),
    client_error("UnrecognizedClientException"),
    client_error("InvalidSignatureException"),
    # The Airflow connection could not be read.
    RuntimeError("API_SERVER_ERROR"),
]


@pytest.mark.parametrize("call", ["list", "describe"])
@pytest.mark.parametrize("fault", STUBBORN, ids=lambda fault: f"{type(fault).__name__}: {fault}"[:40])
def test_a_fault_that_passes_is_said_to_every_wait_and_ends_none(
    states: FakeStates, call: str, fault: Exception
) -> None:
    states.faults = {call: [fault] * 3}
    states.status = dict.fromkeys(states.status, "SUCCEEDED")
    waits = run(*(Wait(arn(number)) for number in range(3)))
    assert all(wait.ended for wait in waits)
    assert all(any(str(fault) in note for note in wait.notes) for wait in waits)


@pytest.mark.parametrize("fault", STUBBORN, ids=lambda fault: f"{type(fault).__name__}: {fault}"[:40])
def test_what_should_have_passed_ends_the_wait_with_its_reason(
    states: FakeStates, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 0.02)
    states.faults = {"list": [fault] * 1000}
    (wait,) = run(Wait(arn(0)))
    assert "could not be asked" in str(wait.error)
    assert str(fault) in str(wait.error)


def test_patience_begins_anew_with_every_answer(states: FakeStates) -> None:
    wait = Wait(arn(0))
    wait.ride_out(NoCredentialsError(), 0, limited=True)
    wait.runs({})
    wait.ride_out(NoCredentialsError(), 10_000, limited=True)
    assert not wait.is_over


@pytest.mark.parametrize("code", ["AccessDeniedException", "UnrecognizedClientException"])
def test_what_one_execution_suffers_is_no_matter_of_the_others(
    states: FakeStates, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 0.02)
    states.status[arn(1)] = "FAILED"
    states.faults_of = {arn(1): client_error(code)}
    after_rounds(states, 100)
    first, second = run(Wait(arn(0)), Wait(arn(1)))
    assert first.ended
    assert not first.notes
    assert code in str(second.error)
    assert states.connections == 1


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException", "ThrottlingException"])
def test_history_is_never_worth_a_wait(
    states: FakeStates, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(waiting, "HISTORY_SECONDS", 0.001)
    states.faults = {"history": [client_error(code)] * 1000}

    def end() -> None:
        if states.calls["history"]:
            states.status = dict.fromkeys(states.status, "SUCCEEDED")

    states.on_list = end
    waits = run(*(Wait(arn(number), follow=number == 0) for number in range(3)))
    assert all(wait.ended for wait in waits)
    # What stays so is said once, and to the wait that wanted to follow.
    assert [len(wait.notes) for wait in waits] == [0 if code == "ThrottlingException" else 1, 0, 0]


def test_slow_histories_hold_up_no_poll(states: FakeStates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MIN_POLL_SECONDS", 0.01)
    states.latency = {"history": 0.2}
    states.status = {arn(number): "RUNNING" for number in range(200)}
    polls: list[float] = []

    def poll() -> None:
        polls.append(time.monotonic())
        if len(polls) > 50:
            states.status = dict.fromkeys(states.status, "SUCCEEDED")

    states.on_list = poll
    waits = [Wait(arn(number), follow=True) for number in range(150)]
    for wait in waits:
        wait.next_history = 0
    run(*waits)
    assert states.calls["history"] > 0
    assert max(later - earlier for earlier, later in pairwise(polls)) < 1


def test_botocores_own_words_for_throttling_are_known() -> None:
    codes: list[str] = vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"]
    assert {kind_of(client_error(code)) for code in codes} == {Fault.THROTTLING}
    transient: list[str] = vars(TransientRetryableChecker)["_TRANSIENT_ERROR_CODES"]
    assert Fault.HOPELESS not in {kind_of(client_error(code)) for code in transient}
