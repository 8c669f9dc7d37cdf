"""Any connection does: another name, another region, a role to assume, another endpoint; side by side."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from retraining.errors import StackError
from retraining.hooks.aws_errors import clear_aws_errors
from retraining.hooks.stack import StackHook
from retraining.hooks.state_machine import StateMachineHook
from retraining.operators.start_execution import StartExecutionOperator
from retraining.triggers.execution import ExecutionTrigger
from tests.integration.airflow_side import FakeContext, counted_calls
from tests.integration.embedded_aws import STACK_NAME, LocalAws
from tests.integration.state_machines import create_machine

ROLE = "arn:aws:iam::123456789012:role/airflow"
OTHER_REGION = "eu-central-1"
SHORT_WAIT = {"Type": "Wait", "Seconds": 1, "End": True}


@pytest.fixture(autouse=True)
def connections(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connections ``plain``, ``assumed`` and ``elsewhere``."""
    endpoint = {"endpoint_url": local_aws.endpoint_url, "region_name": "us-east-1"}
    for name, extra in {
        "plain": endpoint,
        # The provider assumes roles at AWS itself unless STS is given an endpoint of its own.
        "assumed": {
            **endpoint,
            "role_arn": ROLE,
            "assume_role_kwargs": {"RoleSessionName": "retraining"},
            "service_config": {"sts": {"endpoint_url": local_aws.endpoint_url}},
        },
        "elsewhere": {**endpoint, "region_name": OTHER_REGION},
    }.items():
        connection = {"conn_type": "aws", "login": "local", "password": "local", "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))


def identity(conn_id: str) -> str:
    sts: Any = (
        StateMachineHook(aws_conn_id=conn_id)
        .get_session()
        .client(
            "sts",
            endpoint_url=StateMachineHook(aws_conn_id=conn_id).conn_config.get_service_endpoint_url("sts"),
        )
    )
    return str(sts.get_caller_identity()["Arn"])


def test_the_role_of_the_connection_is_assumed() -> None:
    assert identity("assumed") == "arn:aws:sts::123456789012:assumed-role/airflow/retraining"
    assert "assumed-role" not in identity("plain")


def test_the_stack_is_read_with_a_role_too() -> None:
    assert StackHook(aws_conn_id="assumed").read(STACK_NAME) == StackHook(aws_conn_id="plain").read(
        STACK_NAME
    )


def test_a_stack_is_looked_for_in_the_connections_region() -> None:
    with pytest.raises(StackError, match=f"no CloudFormation stack '{STACK_NAME}' in {OTHER_REGION}"):
        StackHook(aws_conn_id="elsewhere").read(STACK_NAME)


def test_a_region_of_the_hooks_own_goes_before_the_connections() -> None:
    stack = StackHook(aws_conn_id="elsewhere", region_name="us-east-1").read(STACK_NAME)
    assert stack.region == "us-east-1"


def test_executions_of_two_connections_are_awaited_side_by_side(
    local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = create_machine(local_aws, SHORT_WAIT)
    with counted_calls(monkeypatch) as calls:
        executions = {
            conn_id: StartExecutionOperator(
                task_id="start", state_machine_arn=machine, aws_conn_id=conn_id
            ).execute(FakeContext(f"manual__{conn_id}"))  # type: ignore[arg-type]
            for conn_id in ("plain", "assumed")
        }
    assert calls["AssumeRole"] >= 1

    async def both() -> list[TriggerEvent]:
        async def ended(conn_id: str, arn: str) -> TriggerEvent:
            async with asyncio.timeout(60):
                return await anext(ExecutionTrigger(arn, conn_id).run())

        return await asyncio.gather(*(ended(*item) for item in executions.items()))

    assert [type(event) for event in asyncio.run(both())] == [TaskSuccessEvent, TaskSuccessEvent]


def test_a_connection_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(AirflowException, match="'nowhere'"), clear_aws_errors("nowhere"):
        StackHook(aws_conn_id="nowhere").read(STACK_NAME)
