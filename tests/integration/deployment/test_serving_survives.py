"""What operators changed on an endpoint survives a deployment; what was changed in model.yaml wins."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.local_aws.control import Control
from tests.integration.airflow_side import connect
from tests.integration.deployment.deployments import Deployer, deploy_workflow
from tests.integration.embedded_aws import PROJECT, LocalAws
from tests.integration.endpoints import settled

FLIGHT_DELAY = PROJECT / "include" / "models" / "flight_delay"
Workflow = Callable[..., dict[str, str]]


@pytest.fixture
def workflow(tmp_path: Path) -> Workflow:
    """Gives the state machine of a model like flight_delay, with something else said of its serving."""

    def deploy(**serving: Any) -> dict[str, str]:
        content: dict[str, Any] = yaml.safe_load((FLIGHT_DELAY / "model.yaml").read_text())
        content["name"] = "served"
        content["serving"] |= serving
        folder = tmp_path / "served"
        folder.mkdir(exist_ok=True)
        (folder / "model.yaml").write_text(yaml.safe_dump(content))
        (folder / "transform.sql").write_text((FLIGHT_DELAY / "transform.sql").read_text())
        return deploy_workflow(folder)

    return deploy


@pytest.fixture
def deployer(
    monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, models: dict[str, str], workflow: Workflow
) -> Deployer:
    connect(monkeypatch, local_aws)
    model = local_aws.client("sagemaker").describe_model(ModelName=models["model"])
    return Deployer.of(local_aws, workflow(), model["PrimaryContainer"]["ModelDataUrl"])


def serve(deployer: Deployer, model: str, **config: Any) -> str:
    """Set the endpoint up by hand, with an endpoint config of one's own; gives that's name."""
    sagemaker, name = deployer.aws.client("sagemaker"), f"own-{deployer.endpoint}"
    variant = {"VariantName": "blue", "ModelName": model, "InstanceType": "ml.m5.large"}
    variants = config.pop("ProductionVariants", [{**variant, "InitialInstanceCount": 3}])
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **config)
    sagemaker.create_endpoint(EndpointName=deployer.endpoint, EndpointConfigName=name)
    settled(deployer.aws, deployer.endpoint)
    return name


def capture(aws: LocalAws) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 50,
        "DestinationS3Uri": f"s3://{aws.outputs['Bucket']}/theirs",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }


def served(deployer: Deployer) -> tuple[str, int, str | None]:
    """Of what is served: variant, instances, and where its data is captured."""
    endpoint = settled(deployer.aws, deployer.endpoint)
    (variant,) = endpoint["ProductionVariants"]
    captured = endpoint.get("DataCaptureConfig", {})
    where = captured.get("DestinationS3Uri") if captured.get("EnableCapture") else None
    return variant["VariantName"], variant["CurrentInstanceCount"], where


def scale(deployer: Deployer, count: int) -> None:
    (variant,) = settled(deployer.aws, deployer.endpoint)["ProductionVariants"]
    wanted = {"VariantName": variant["VariantName"], "DesiredInstanceCount": count}
    deployer.aws.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=deployer.endpoint, DesiredWeightsAndCapacities=[wanted]
    )


def test_instances_data_capture_and_the_variants_name_survive(
    deployer: Deployer, models: dict[str, str]
) -> None:
    captured = capture(deployer.aws)
    serve(deployer, models["model"], DataCaptureConfig=captured)
    for hour in (1, 2):
        assert deployer.deploy(hour) == "deployed"
        assert served(deployer) == ("blue", 3, captured["DestinationS3Uri"])


def test_a_scaled_endpoint_stays_so_and_a_changed_model_yaml_wins(
    deployer: Deployer, workflow: Workflow
) -> None:
    assert deployer.deploy(1) == "deployed"
    assert served(deployer) == ("AllTraffic", 1, None)
    scale(deployer, 4)
    assert deployer.deploy(2) == "deployed"
    assert served(deployer) == ("AllTraffic", 4, None)
    deployer = replace(deployer, workflow=workflow(instance_count=2))
    execution = deployer.start(3)
    assert deployer.outcome(execution) == "deployed"
    assert served(deployer) == ("AllTraffic", 2, None)
    history = deployer.aws.client("stepfunctions").get_execution_history(
        executionArn=execution, maxResults=1000
    )
    assert "serving.instance_count: 4 becomes 2, as model.yaml now says" in json.dumps(
        history["events"], default=str
    )
    scale(deployer, 5)
    assert deployer.deploy(4) == "deployed"
    assert served(deployer) == ("AllTraffic", 5, None)


def test_what_was_scaled_stays_so_when_the_endpoint_is_put_back(deployer: Deployer, control: Control) -> None:
    assert deployer.deploy(1) == "deployed"
    scale(deployer, 4)
    control.fail_call(
        "sagemaker-runtime.InvokeEndpoint", "ModelError", 424, times=None, contains=deployer.endpoint
    )
    assert "ModelError" in deployer.deploy(2)
    assert deployer.served_hour == 1
    assert served(deployer) == ("AllTraffic", 4, None)


def test_what_model_yaml_says_of_serving_is_done(deployer: Deployer, workflow: Workflow) -> None:
    shifting = {"type": "linear", "percentage": 50, "wait_seconds": 1}
    said = workflow(data_capture={"percentage": 100}, traffic_shifting=shifting)
    deployer = replace(deployer, workflow=said)
    bucket = deployer.aws.outputs["Bucket"]
    for hour in (1, 2):
        assert deployer.deploy(hour) == "deployed"
        assert served(deployer) == ("AllTraffic", 1, f"s3://{bucket}/capture/served")
    endpoint = settled(deployer.aws, deployer.endpoint)
    routing = endpoint["LastDeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert (routing["Type"], routing["LinearStepSize"]["Value"]) == ("LINEAR", 50)
    # What the deployment's own test asked is there already.
    found = deployer.aws.client("s3").list_objects_v2(
        Bucket=bucket, Prefix=f"capture/served/{deployer.endpoint}/AllTraffic/"
    )
    assert found["KeyCount"] >= 1


def test_variants_that_a_retrain_would_drop_are_left_alone(
    deployer: Deployer, models: dict[str, str]
) -> None:
    variants = [
        {
            "VariantName": name,
            "ModelName": models["model"],
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        for name in ("blue", "green")
    ]
    config = serve(deployer, models["model"], ProductionVariants=variants)
    outcome = deployer.deploy(1)
    assert outcome.startswith("EndpointDeploymentFailed: ")
    assert "serves the variants blue, green" in outcome
    assert settled(deployer.aws, deployer.endpoint)["EndpointConfigName"] == config
