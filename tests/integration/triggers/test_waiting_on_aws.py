"""Waits against the embedded AWS: no fault fails one, no quota is exceeded, no work is done again."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from include.local_aws.control import Control
from retraining.arns import machine_name
from retraining.execution.name import execution_name
from retraining.sensors.execution import ExecutionFailedError, ExecutionSensor
from retraining.triggers import poller, succession
from retraining.triggers import wait as waiting_module
from retraining.triggers.execution import ExecutionTrigger
from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.execution.trainings import StartTraining, Workflow, workflow
from tests.integration.state_machines import WAIT, create_machine, start
from tests.unit.triggers.fake_triggerer import FakeTriggerer

LIST, DESCRIBE = "stepfunctions.ListExecutions", "stepfunctions.DescribeExecution"
SHORT_WAIT = {"Type": "Wait", "Seconds": 1, "End": True}
TRIGGER_SECONDS = 60


@pytest.fixture(autouse=True)
def quick_connection(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws) -> None:
    """The poller's own patience is looked at here, not boto's, and a test cannot sit out a minute of it."""
    connect(monkeypatch, local_aws)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(waiting_module, "MIN_POLL_SECONDS", 0.2)
    monkeypatch.setattr(poller, "MAX_BACKOFF_SECONDS", 0.2)


@pytest.fixture
def flow(local_aws: LocalAws, control: Control) -> Iterator[Workflow]:
    with workflow(local_aws) as flow:
        yield flow


async def fired(trigger: ExecutionTrigger) -> TriggerEvent:
    async with asyncio.timeout(TRIGGER_SECONDS):
        return await anext(trigger.run())


async def all_fired(*executions: str) -> list[TriggerEvent]:
    return await asyncio.gather(*(fired(ExecutionTrigger(arn, CONN_ID)) for arn in executions))


def wait_for(*executions: str) -> list[TriggerEvent]:
    """What a triggerer gets from triggers that wait at the same time."""
    return asyncio.run(all_fired(*executions))


def are_successes(events: list[TriggerEvent]) -> bool:
    return all(isinstance(event, TaskSuccessEvent) for event in events)


def test_waits_outlive_throttling_of_every_second_call(local_aws: LocalAws, control: Control) -> None:
    machine = create_machine(local_aws, SHORT_WAIT)
    executions = [start(local_aws, machine) for _ in range(5)]
    control.throttle(LIST, 0.5, seed=1)
    control.throttle(DESCRIBE, 0.5, seed=2)
    assert are_successes(wait_for(*executions))
    assert control.requests().throttled[LIST] > 0


def test_waits_outlive_dropped_replies_and_broken_servers(local_aws: LocalAws, control: Control) -> None:
    machine = create_machine(local_aws, SHORT_WAIT)
    executions = [start(local_aws, machine) for _ in range(3)]
    for operation in (LIST, DESCRIBE):
        control.drop_reply(operation, times=2)
        control.fail_call(operation, "InternalServerError", 500, times=2)
    assert are_successes(wait_for(*executions))
    assert [fault for fault in control.faults() if fault["kind"] != "lag"] == []


def test_waits_outlive_a_server_that_is_not_there(
    local_aws: LocalAws, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = start(local_aws, create_machine(local_aws, SHORT_WAIT))

    async def outage() -> list[TriggerEvent]:
        # Bound but not listening: connections are refused, and nobody else can take the port.
        with socket.socket() as door:
            door.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{door.getsockname()[1]}"
            connect(monkeypatch, LocalAws(url, local_aws.pid, local_aws.state_dir))
            tries = asyncio.Semaphore(0)
            connects = poller.ExecutionPoller._connect

            async def counting(self: poller.ExecutionPoller) -> Any:
                tries.release()
                return await connects(self)

            monkeypatch.setattr(poller.ExecutionPoller, "_connect", counting)
            waiting = asyncio.ensure_future(all_fired(execution))
            for _ in range(3):
                await tries.acquire()
            assert not waiting.done()
            assert control.requests().counts.get(LIST) is None
            address = urlsplit(local_aws.endpoint_url)
            async with await asyncio.start_server(_forward_to(address.hostname, address.port), sock=door):
                return await waiting

    assert are_successes(asyncio.run(outage()))


def _forward_to(host: str | None, port: int | None) -> Any:
    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, port)
        await asyncio.gather(copy(reader, back), copy(there, writer))

    return forward


def test_an_execution_that_the_list_shows_late_is_not_taken_for_ended(
    local_aws: LocalAws, control: Control
) -> None:
    control.lag("stepfunctions.ListExecutions", 2)
    execution = start(local_aws, create_machine(local_aws, {**SHORT_WAIT, "Seconds": 3}))
    (event,) = wait_for(execution)
    assert isinstance(event, TaskSuccessEvent)
    found = local_aws.client("stepfunctions").describe_execution(executionArn=execution)
    assert found["status"] == "SUCCEEDED"


@pytest.mark.heavy
def test_many_waits_that_end_at_once_keep_to_the_quotas(local_aws: LocalAws, control: Control) -> None:
    client, count = local_aws.client("stepfunctions", local_aws.login), 330
    machine = create_machine(local_aws, WAIT)
    with ThreadPoolExecutor(4) as pool:
        executions = list(pool.map(lambda _: start(local_aws, machine), range(count)))
    until(
        lambda: len(client.list_executions(stateMachineArn=machine, maxResults=1000)["executions"]) == count
    )
    control.enforce_quotas(True)
    control.reset_requests()

    async def together() -> list[TriggerEvent]:
        waiting = asyncio.ensure_future(all_fired(*executions))
        while control.requests().counts.get(LIST, 0) < 3:
            await asyncio.sleep(0.05)
        assert DESCRIBE not in control.requests().counts
        await asyncio.to_thread(stop_all)
        return await waiting

    def stop_all() -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda arn: client.stop_execution(executionArn=arn), executions))

    events = asyncio.run(together())
    assert {event.payload["status"] for event in events} == {"ABORTED"}
    requests = control.requests()
    # More than DescribeExecution's bucket holds, and not one of them in vain.
    assert requests.counts[DESCRIBE] == count
    assert requests.throttled == {}


@pytest.mark.parametrize("moved", [False, True], ids=["killed", "moved to another triggerer"])
def test_killing_the_wait_stops_the_execution_and_its_training(
    flow: Workflow, control: Control, monkeypatch: pytest.MonkeyPatch, moved: bool
) -> None:
    run_id = f"run-{uuid4().hex[:8]}"
    control.delay_job("sagemaker", "flight-delay-retraining-*", 600)
    execution = started(flow, run_id)
    job = until(lambda: next(iter(flow.training_jobs(run_id)), None))
    airflow = FakeTriggerer(monkeypatch, run_id)

    async def waits() -> tuple[ExecutionTrigger, asyncio.Task[TriggerEvent]]:
        trigger = airflow.take_up(ExecutionTrigger(execution, CONN_ID))
        before = dict(airflow.xcoms)
        waiting = asyncio.ensure_future(fired(trigger))
        while airflow.xcoms == before:
            await asyncio.sleep(0.01)
        return trigger, waiting

    async def kill() -> None:
        trigger, waiting = await waits()
        others = [(await waits())[1]] if moved else []
        airflow.state = "failed"
        await trigger.on_kill()
        if moved:
            waiting.cancel()
        else:
            assert (await waiting).payload["status"] == "ABORTED"
        for other in others:
            other.cancel()
        await asyncio.wait([waiting, *others])

    asyncio.run(kill())
    found = flow.describe(execution)
    if moved:
        assert found["status"] == "RUNNING"
        local = flow.aws.client("stepfunctions")
        local.stop_execution(executionArn=execution)
        return
    assert f"DAG run d / {run_id}, task wait" in found["cause"]
    until(lambda: flow.training_jobs(run_id)[job] == "Stopped")


def test_a_triggerer_that_goes_stops_nothing(local_aws: LocalAws) -> None:
    client, execution = local_aws.client("stepfunctions"), start(local_aws, create_machine(local_aws, WAIT))

    async def go() -> None:
        waiting = asyncio.ensure_future(all_fired(execution))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])

    asyncio.run(go())
    assert client.describe_execution(executionArn=execution)["status"] == "RUNNING"
    client.stop_execution(executionArn=execution)


@pytest.mark.parametrize(
    ("retries", "again"),
    [
        (1, {"try_number": 2, "max_tries": 1}),
        # Cleared by a person, who did not clear the task that started.
        (0, {"try_number": 2, "max_tries": 1, "clear_number": 1}),
    ],
    ids=["retried", "cleared"],
)
@pytest.mark.parametrize("redrivable", [True, False])
def test_after_a_failed_training_the_wait_takes_up_the_work(
    flow: Workflow, control: Control, retries: int, again: dict[str, int], redrivable: bool
) -> None:
    run_id = f"run-{uuid4().hex[:8]}"
    control.fail_job("sagemaker", f"*{run_id}*", "CapacityError: no instance is left")
    execution = started(flow, run_id)
    sensor = ExecutionSensor(
        task_id="wait", execution_arn=execution, aws_conn_id=CONN_ID, retries=retries, follow=False
    )
    (failed,) = wait_for(execution)
    with pytest.raises(ExecutionFailedError, match="CapacityError: no instance is left"):
        sensor.execute_complete(FakeContext(run_id, max_tries=retries), failed.payload)  # type: ignore[arg-type]
    if not redrivable:
        control.fail_call("stepfunctions.RedriveExecution", "ExecutionNotRedrivable", 400)
    # Its reply is lost, and the token makes the second call the same redrive.
    control.drop_reply("stepfunctions.RedriveExecution", times=1)

    (over,) = wait_for(execution)
    context = FakeContext(run_id, **again)  # type: ignore[arg-type]
    signed = {"1/1": {"copy": "c", "execution_arn": execution}}
    context["ti"].xcom_pull = lambda *, key, **_: signed if key == succession.KEY else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_MAX_ATTEMPTS", "3")
        with pytest.raises(TaskDeferred) as deferred:
            sensor.execute_complete(context, over.payload)  # type: ignore[arg-type]
    trigger = deferred.value.trigger
    assert isinstance(trigger, ExecutionTrigger)
    assert isinstance(asyncio.run(fired(trigger)), TaskSuccessEvent)

    assert sorted(flow.training_jobs(run_id).values()) == ["Completed", "Failed"]
    if redrivable:
        assert flow.executions() == [execution]
        assert flow.describe(execution)["redriveCount"] == 1
        assert flow.glue_runs() == ["SUCCEEDED"]
    else:
        assert sorted(flow.executions()) == sorted([execution, trigger.execution_arn])
        assert (
            json.loads(flow.describe(trigger.execution_arn)["input"])["TrainingJobName"]
            in trigger.execution_arn
        )
        assert flow.glue_runs() == ["SUCCEEDED", "SUCCEEDED"]


def started(flow: Workflow, run_id: str) -> str:
    """An execution as the start task leaves it."""
    operator = StartTraining(task_id="start", state_machine_arn=flow.arn, aws_conn_id=CONN_ID)
    arn = operator.execute(FakeContext(run_id))  # type: ignore[arg-type]
    assert arn.endswith(
        execution_name("flight_delay_retraining", run_id, state_machine=machine_name(flow.arn))
    )
    return arn
