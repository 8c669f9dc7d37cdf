"""Waits where AWS's reads are seconds behind: an execution is unknown at first, and a redrive is not seen."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from include.local_aws.control import Control
from retraining.sensors.execution import ExecutionSensor
from retraining.triggers import poller
from retraining.triggers import wait as waiting
from retraining.triggers.execution import ExecutionTrigger
from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.state_machines import create_glue_job, create_machine, ended, start, task_state

SECONDS = 3
ALONE = [
    pytest.param(f"stepfunctions.{name}", marks=pytest.mark.heavy)
    for name in ("DescribeExecution", "ListExecutions")
]
SHORT_WAIT = {"Type": "Wait", "Seconds": 1, "End": True}


@pytest.fixture(autouse=True)
def quick_connection(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws) -> None:
    connect(monkeypatch, local_aws)
    monkeypatch.setattr(waiting, "MIN_POLL_SECONDS", 0.2)
    monkeypatch.setattr(poller, "MAX_BACKOFF_SECONDS", 0.2)


def fired(trigger: ExecutionTrigger) -> TriggerEvent:
    async def first() -> TriggerEvent:
        async with asyncio.timeout(60):
            return await anext(trigger.run())

    return asyncio.run(first())


@pytest.mark.parametrize("operation", ["stepfunctions.*", *ALONE])
def test_an_execution_that_has_just_begun_may_be_unknown(
    local_aws: LocalAws, control: Control, operation: str
) -> None:
    execution = start(local_aws, create_machine(local_aws, SHORT_WAIT))
    control.lag(operation, SECONDS)
    event = fired(ExecutionTrigger(execution, CONN_ID))
    assert isinstance(event, TaskSuccessEvent)


def test_an_execution_that_never_was_ends_the_wait(
    local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "UNKNOWN_SECONDS", 1)
    execution = start(local_aws, create_machine(local_aws, SHORT_WAIT))
    event = fired(ExecutionTrigger(f"{execution}-not", CONN_ID))
    assert event.payload["status"] == "UNKNOWN"
    assert "ExecutionDoesNotExist" in event.payload["cause"]


def is_seen_to_have_failed(aws: LocalAws, execution: str) -> bool:
    client = aws.client("stepfunctions", aws.login)
    try:
        return bool(client.describe_execution(executionArn=execution)["status"] == "FAILED")
    except client.exceptions.ExecutionDoesNotExist:
        return False


@pytest.mark.parametrize("operation", ["stepfunctions.*", *ALONE])
@pytest.mark.parametrize("is_seen", [True, False], ids=["long ago", "a moment ago"])
def test_a_wait_after_a_redrive_does_not_take_the_end_before_it_for_its_own(
    local_aws: LocalAws, control: Control, operation: str, is_seen: bool
) -> None:
    job = create_glue_job(local_aws, "print('done')")
    etl = task_state("arn:aws:states:::glue:startJobRun.sync", {"JobName": job})
    machine = create_machine(local_aws, etl)
    control.fail_job("glue", job, "no luck", times=1)
    execution = start(local_aws, machine)
    assert ended(local_aws, execution)["status"] == "FAILED"
    sensor = ExecutionSensor(task_id="wait", execution_arn=execution, aws_conn_id=CONN_ID, retries=1)
    context: Any = FakeContext(f"run-{uuid4().hex[:8]}", try_number=2, max_tries=1)
    end = fired(ExecutionTrigger(execution, CONN_ID))
    control.lag(operation, SECONDS)
    if is_seen:
        until(lambda: is_seen_to_have_failed(local_aws, execution))
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute_complete(context, end.payload)
    trigger = deferred.value.trigger
    assert isinstance(trigger, ExecutionTrigger)
    assert trigger.execution_arn == execution
    assert isinstance(fired(trigger), TaskSuccessEvent)
    control.clear_faults()
    found = until(lambda: local_aws.client("stepfunctions").describe_execution(executionArn=execution))
    assert (found["status"], found["redriveCount"]) == ("SUCCEEDED", 1)
