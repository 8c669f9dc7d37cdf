"""A reply of SageMaker's that was lost costs a redrive, and not the training."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from include.local_aws.control import Control
from retraining.hooks.state_machine import StateMachineHook
from retraining.operators.start_retrain import StartRetrainOperator
from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.deployment.deployments import deploy_workflow
from tests.integration.embedded_aws import PROJECT, LocalAws, until

FLIGHT_DELAY = PROJECT / "include" / "models" / "flight_delay"


# The state's own retries, which all of them meet the same, take half a minute.
pytestmark = pytest.mark.heavy


class DeadEnd(Exception):
    """A redrive fails as the state before it did."""


def ended(aws: LocalAws, arn: str) -> dict[str, Any]:
    def probe() -> dict[str, Any] | None:
        found: dict[str, Any] = aws.client("stepfunctions").describe_execution(executionArn=arn)
        return None if found["status"] == "RUNNING" else found

    return until(probe, 150)


@pytest.mark.xfail(
    strict=True,
    raises=DeadEnd,
    reason="until the issue that rebuilds the deployment states: the call that is repeated finds what the"
    " lost one made, fails as it exists already, and so does every redrive",
)
@pytest.mark.parametrize("call", ["sagemaker.CreateModel", "sagemaker.CreateEndpointConfig"])
def test_a_redrive_goes_on_with_what_a_lost_reply_was_about(
    monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, control: Control, call: str
) -> None:
    connect(monkeypatch, local_aws)
    start = StartRetrainOperator(
        task_id="start",
        model_folder=FLIGHT_DELAY,
        deployment=deploy_workflow(FLIGHT_DELAY),
        aws_conn_id=CONN_ID,
    )
    params = {"endpoint": f"lost-{uuid4().hex[:12]}", "window_days": 9, "threshold": 0.9}
    control.drop_reply(call)
    arn = start.execute(FakeContext(f"lost-{uuid4().hex}", params=params))  # type: ignore[arg-type]
    execution = ended(local_aws, arn)
    assert not control.faults(), execution
    if execution["status"] == "FAILED":
        hook = StateMachineHook(aws_conn_id=CONN_ID)
        assert hook.redrive(hook.describe_execution(arn))
        execution = ended(local_aws, arn)
    if execution["status"] == "FAILED":
        raise DeadEnd(execution["cause"])
    assert execution["status"] == "SUCCEEDED"
