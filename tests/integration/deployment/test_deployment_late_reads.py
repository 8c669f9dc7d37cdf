"""SageMaker does not find an endpoint config that was made a moment ago, as its references warn."""

from __future__ import annotations

import pytest

from include.local_aws.control import Control
from tests.integration.airflow_side import connect
from tests.integration.deployment.deployments import Deployer, deploy_workflow
from tests.integration.embedded_aws import PROJECT, LocalAws, until
from tests.integration.state_machines import event_types

FLIGHT_DELAY = PROJECT / "include" / "models" / "flight_delay"
SECONDS = 3


@pytest.fixture
def deployer(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, models: dict[str, str]) -> Deployer:
    connect(monkeypatch, local_aws)
    model = local_aws.client("sagemaker").describe_model(ModelName=models["model"])
    artifact = str(model["PrimaryContainer"]["ModelDataUrl"])
    return Deployer.of(local_aws, deploy_workflow(FLIGHT_DELAY), artifact)


@pytest.mark.heavy
def test_an_endpoint_is_created_and_updated_once_its_config_is_seen(
    deployer: Deployer, control: Control
) -> None:
    control.lag("sagemaker.CreateEndpoint*", SECONDS)
    control.lag("sagemaker.UpdateEndpoint", SECONDS)
    for hour in (1, 2):
        execution = deployer.start(hour)
        assert deployer.outcome(execution) == "deployed"
        assert event_types(deployer.aws, execution).count("TaskFailed") > 1
        assert deployer.served_hour == hour


@pytest.mark.heavy
def test_a_config_that_is_never_seen_ends_the_deployment(deployer: Deployer, control: Control) -> None:
    control.lag("sagemaker.CreateEndpoint", 3600)
    execution = deployer.start(1)
    describe = deployer.aws.client("stepfunctions").describe_execution
    until(lambda: describe(executionArn=execution)["status"] != "RUNNING", 180)
    outcome = deployer.outcome(execution)
    assert outcome.startswith("EndpointDeploymentFailed: ")
    assert "Could not find endpoint configuration" in outcome
