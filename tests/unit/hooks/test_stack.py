"""What is read from the stack's outputs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from retraining.errors import StackError
from retraining.hooks.stack import Stack, StackHook
from tests.unit.cloudformation.template import Template

OUTPUTS = {
    "Bucket": "a-bucket",
    "GlueJobName": "a-job",
    "MetricsFunctionName": "metrics",
    "EndpointTestFunctionName": "endpoint-test",
    "DeploymentFunctionName": "deployment",
    "DeploymentsTable": "a-table",
    "StateMachineRoleArn": "arn:aws:iam::123456789012:role/states",
    "TrainingRoleArn": "arn:aws:iam::123456789012:role/training",
}


def read(monkeypatch: pytest.MonkeyPatch, outputs: dict[str, str]) -> Stack:
    stack: dict[str, Any] = {
        "StackId": "arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/a-stack/an-id",
        "StackStatus": "UPDATE_COMPLETE",
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
    }
    client = SimpleNamespace(describe_stacks=lambda StackName: {"Stacks": [stack]})  # noqa: ARG005
    monkeypatch.setattr(StackHook, "conn", client)
    return StackHook(aws_conn_id=None).read("a-stack")


@pytest.mark.parametrize("missing", OUTPUTS)
def test_a_stack_without_an_output_is_refused(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    with pytest.raises(StackError, match=rf"'a-stack' \(UPDATE_COMPLETE\) lacks outputs {missing};"):
        read(monkeypatch, {key: value for key, value in OUTPUTS.items() if key != missing})


def test_the_template_has_every_output() -> None:
    content = Template().outputs
    assert content.keys() >= OUTPUTS.keys() | {"SubnetIds", "SecurityGroupIds", "KmsKeyArn"}


def test_network_and_key_are_absent_unless_the_stack_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = read(monkeypatch, OUTPUTS)
    assert (plain.subnets, plain.security_groups, plain.kms_key) == ((), (), None)
    assert (plain.endpoint_test_function, plain.deployments_table) == ("endpoint-test", "a-table")
    assert (plain.partition, plain.region) == ("aws-cn", "cn-north-1")
    optional = {"SubnetIds": "subnet-a,subnet-b", "SecurityGroupIds": "sg-a", "KmsKeyArn": "arn:aws-cn:kms:a"}
    found = read(monkeypatch, OUTPUTS | optional)
    assert found.subnets == ("subnet-a", "subnet-b")
    assert found.security_groups == ("sg-a",)
    assert found.kms_key == "arn:aws-cn:kms:a"
