"""All waits of an account in a region keep to its quotas together, whatever connections they come through."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import boto3
import pytest
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from include.local_aws.control import Control
from retraining.triggers.execution import ExecutionTrigger
from tests.integration.airflow_side import connect
from tests.integration.embedded_aws import LocalAws

MACHINES = 12
# Long enough for pollers that know no bounds to spend what the quota holds.
SECONDS = 4


def begin(aws: LocalAws, region: str) -> list[str]:
    """Executions that run for some seconds, each of a state machine of its own."""
    client = boto3.client(
        "stepfunctions",
        region_name=region,
        endpoint_url=aws.endpoint_url,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106
    )
    states = {"Wait": {"Type": "Wait", "Seconds": SECONDS, "End": True}}
    machines = [
        client.create_state_machine(
            name=f"machine-{uuid4().hex}",
            definition=json.dumps({"StartAt": "Wait", "States": states}),
            roleArn=aws.outputs["StateMachineRoleArn"],
        )["stateMachineArn"]
        for _ in range(MACHINES)
    ]
    return [client.start_execution(stateMachineArn=machine)["executionArn"] for machine in machines]


@pytest.mark.parametrize(
    ("region", "connections"),
    [
        pytest.param("eu-central-1", 1, id="a region of less", marks=pytest.mark.heavy),
        pytest.param("us-east-1", 3, id="many connections"),
    ],
)
def test_many_pollers_keep_to_the_quotas_together(
    local_aws: LocalAws, control: Control, monkeypatch: pytest.MonkeyPatch, region: str, connections: int
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    conn_ids = [f"local_aws_{number}" for number in range(connections)]
    for conn_id in conn_ids:
        connect(monkeypatch, local_aws, conn_id, region)
    executions = begin(local_aws, region)
    control.enforce_quotas(True)
    control.reset_requests()

    async def together() -> list[TriggerEvent]:
        triggers = [
            ExecutionTrigger(arn, conn_ids[number % connections], poll_seconds=0.05)
            for number, arn in enumerate(executions)
        ]
        async with asyncio.timeout(60):
            return await asyncio.gather(*(anext(trigger.run()) for trigger in triggers))

    assert all(isinstance(event, TaskSuccessEvent) for event in asyncio.run(together()))
    assert control.requests().throttled == {}
