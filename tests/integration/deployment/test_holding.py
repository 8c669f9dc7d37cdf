"""An endpoint that a person holds keeps its model until it is released, whoever deploys meanwhile."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.local_aws.control import Control
from retraining.operators.hold import HoldEndpointOperator, ReleaseEndpointOperator
from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.deployment.deployments import Deployer, deploy_workflow
from tests.integration.embedded_aws import PROJECT, STACK_NAME, LocalAws, until

FLIGHT_DELAY = PROJECT / "include" / "models" / "flight_delay"


@pytest.fixture
def deployer(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, models: dict[str, str]) -> Deployer:
    connect(monkeypatch, local_aws)
    model = local_aws.client("sagemaker").describe_model(ModelName=models["model"])
    artifact = str(model["PrimaryContainer"]["ModelDataUrl"])
    return Deployer.of(local_aws, deploy_workflow(FLIGHT_DELAY), artifact)


def hold(endpoint: str, reason: str = "an incident", user: str | None = "ada") -> dict[str, Any]:
    task = HoldEndpointOperator(
        task_id="hold", endpoint=endpoint, reason=reason, stack_name=STACK_NAME, aws_conn_id=CONN_ID
    )
    return task.execute(FakeContext("manual__1", user=user))  # type: ignore[arg-type]


def release(endpoint: str) -> dict[str, Any] | None:
    task = ReleaseEndpointOperator(
        task_id="release", endpoint=endpoint, stack_name=STACK_NAME, aws_conn_id=CONN_ID
    )
    return task.execute(FakeContext("manual__2"))  # type: ignore[arg-type]


def item_of(deployer: Deployer) -> dict[str, Any]:
    found = deployer.aws.client("dynamodb").get_item(
        TableName=deployer.workflow["deployments_table"], Key={"Endpoint": {"S": deployer.endpoint}}
    )
    item: dict[str, Any] = found["Item"]
    return item


def test_what_serves_nothing_cannot_be_held(deployer: Deployer) -> None:
    with pytest.raises(AirflowFailException, match=f"endpoint: '{deployer.endpoint}' serves nothing"):
        hold(deployer.endpoint)
    assert release(deployer.endpoint) is None
    assert deployer.deploy(1) == "deployed"


def test_retrains_end_as_held_until_it_is_released(deployer: Deployer) -> None:
    assert deployer.deploy(1) == "deployed"
    served = item_of(deployer)["ProvenModelName"]["S"]
    told = hold(deployer.endpoint)
    since = "2026-01-01T00:00:00Z"
    ours = {"held_by": "ada", "held_because": "an incident", "held_since": since}
    assert told == {"endpoint": deployer.endpoint, "model_name": served, **ours}
    held = deployer.start(2)
    assert [deployer.outcome(held), deployer.deploy(3, policy="force")] == ["held", "held"]
    assert deployer.served_hour == 1
    output = deployer.aws.client("stepfunctions").describe_execution(executionArn=held)["output"]
    assert json.loads(output)["Next"]["Hold"] == {"by": "ada", "reason": "an incident", "since": since}

    assert hold(deployer.endpoint, "another reason", user=None)["held_by"] == "manual__1"
    assert release(deployer.endpoint) == {
        "endpoint": deployer.endpoint,
        "model_name": served,
        "held_by": "manual__1",
        "held_because": "another reason",
        "held_since": since,
    }
    assert deployer.deploy(2) == "deployed"
    assert deployer.served_hour == 2
    assert release(deployer.endpoint) is None


def test_what_was_under_way_when_it_was_held_is_put_back(deployer: Deployer, control: Control) -> None:
    deployer.deploy(1)
    control.delay_deployment(deployer.endpoint, 3, times=1)
    late = deployer.start(2)
    until(lambda: item_of(deployer)["EndpointConfigName"] != item_of(deployer)["ProvenEndpointConfigName"])
    hold(deployer.endpoint)
    assert deployer.outcome(late) == "held"
    assert deployer.served_hour == 1
    item = item_of(deployer)
    assert item["EndpointConfigName"] == item["ProvenEndpointConfigName"]
    assert item["HeldBy"]["S"] == "ada"


def test_an_item_of_before_there_were_versions_can_be_held(deployer: Deployer) -> None:
    deployer.deploy(1)
    item = item_of(deployer)
    del item["Version"]
    table = deployer.workflow["deployments_table"]
    deployer.aws.client("dynamodb").put_item(TableName=table, Item=item)
    hold(deployer.endpoint)
    assert deployer.deploy(2) == "held"
    release(deployer.endpoint)
    assert deployer.deploy(2) == "deployed"
