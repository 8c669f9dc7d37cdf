"""A reply of SageMaker's that was lost costs nothing: what it was about is there."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from include.local_aws.control import Control
from retraining.operators.start_retrain import StartRetrainOperator
from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.deployment.deployments import deploy_workflow
from tests.integration.embedded_aws import PROJECT, LocalAws, until

FLIGHT_DELAY = PROJECT / "include" / "models" / "flight_delay"


# The state's own retries, which all of them meet the same, take half a minute.
pytestmark = pytest.mark.heavy


def ended(aws: LocalAws, arn: str) -> dict[str, Any]:
    def probe() -> dict[str, Any] | None:
        found: dict[str, Any] = aws.client("stepfunctions").describe_execution(executionArn=arn)
        return None if found["status"] == "RUNNING" else found

    return until(probe, 150)


@pytest.mark.parametrize(
    "call", ["sagemaker.CreateModel", "sagemaker.CreateEndpointConfig", "sagemaker.CreateEndpoint"]
)
def test_what_a_lost_reply_was_about_is_taken_for_done(
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
    assert execution["status"] == "SUCCEEDED", execution["cause"]
    assert json.loads(execution["output"])["Outcome"] == "deployed"
