"""In every partition a state machine names that partition's ARNs, and pulls its image from there."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from airflow.providers.amazon.aws.links.step_function import StateMachineExecutionsDetailsLink

from retraining.arns import execution_arn, partition_of, region_of
from retraining.hooks.stack import Stack
from retraining.workflow.compiler import WorkflowCompiler
from retraining.workflow.surroundings import Surroundings
from tests.unit.conftest import FLIGHT_DELAY, PROJECT

# The registries of SageMaker's XGBoost, from the page of each region below
# https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/ecr-paths-registry.html
REGISTRIES = {
    "cn-north-1": ("aws-cn", "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn"),
    "us-gov-west-1": ("aws-us-gov", "414596584902.dkr.ecr.us-gov-west-1.amazonaws.com"),
}
ARN = re.compile(r"arn:([a-z-]+):")


@pytest.fixture(scope="module")
def definitions(compiler: WorkflowCompiler) -> dict[str, str]:
    """The first model's state machine by region."""
    role = "arn:{}:iam::123456789012:role/training"
    return {
        region: compiler.compile(
            FLIGHT_DELAY,
            Surroundings("a-stack", region, "a-bucket", role.format(partition)),
            "s3://a-bucket/t.sql",
        )
        for region, (partition, _) in REGISTRIES.items()
    }


@pytest.mark.parametrize("region", REGISTRIES)
def test_every_arn_is_of_the_partition(definitions: dict[str, str], region: str) -> None:
    partition, _ = REGISTRIES[region]
    assert set(ARN.findall(definitions[region])) == {partition}
    states: dict[str, Any] = json.loads(definitions[region])["States"]
    resources = [state["Resource"] for state in states.values() if state["Type"] == "Task"]
    assert len(resources) > 5
    assert all(resource.startswith(f"arn:{partition}:states:::") for resource in resources)


@pytest.mark.parametrize("region", REGISTRIES)
def test_images_come_from_the_regions_registry(definitions: dict[str, str], region: str) -> None:
    _, registry = REGISTRIES[region]
    images = re.findall(r'"((?:\d{12})\.dkr\.ecr\.[^"]+)"', definitions[region])
    assert len(images) == 2, "the training job has one, and the model"
    assert all(image.startswith(f"{registry}/sagemaker-xgboost:") for image in images)


def test_the_template_leaves_the_partition_to_cloudformation() -> None:
    template = (PROJECT / "include" / "cloudformation" / "template.yaml").read_text()
    arns = re.findall(r"arn:[^:\s]+(?:::[A-Za-z]+\})?:", re.sub(r"AllowedPattern: .*", "", template))
    assert len(arns) > 20
    assert set(arns) == {"arn:${AWS::Partition}:"}


@pytest.mark.parametrize(
    ("partition", "region", "console"),
    [
        ("aws", "eu-west-1", "console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "console.amazonaws-us-gov.com"),
    ],
)
def test_arns_and_links_lead_to_the_partition(partition: str, region: str, console: str) -> None:
    stack = Stack("a-stack", partition, region, "123456789012", "", "", "", "", "", "", "", "")
    machine = stack.state_machine_arn("flight_delay")
    arn = execution_arn(machine, "a-run")
    assert arn == f"arn:{partition}:states:{region}:123456789012:execution:a-stack-flight_delay:a-run"
    pushed: dict[str, Any] = {}
    ti = SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))
    StateMachineExecutionsDetailsLink.persist(
        {"ti": ti},
        SimpleNamespace(do_xcom_push=True),
        region_name=region_of(arn),
        aws_partition=partition_of(arn),
        execution_arn=arn,
    )
    link = StateMachineExecutionsDetailsLink()
    url = link.format_link(**pushed[link.key])
    assert url.startswith(f"https://{console}/states/home?region={region}#/")
    assert unquote(url).endswith(arn)
