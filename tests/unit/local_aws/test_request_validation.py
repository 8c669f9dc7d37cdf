"""The embedded AWS refuses requests that the services' API models, or their documentation, do not allow."""

from __future__ import annotations

import re
from typing import Any

import boto3
import pytest

from include.local_aws.validation.constraints import message, violations
from include.local_aws.validation.request_rules import broken_rules

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:m"
XGBOOST = {"AlgorithmSpecification": {"TrainingImage": "registry/xgboost:1", "TrainingInputMode": "File"}}
STACK: dict[str, Any] = {"StackName": "a-stack", "TemplateBody": "{}"}


def found(service: str, operation: str, parameters: dict[str, Any]) -> list[str]:
    client = boto3.client(service, region_name="us-east-1")  # type: ignore[call-overload]
    return violations(client.meta.service_model.operation_model(operation).input_shape, parameters)


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "said"),
    [
        ("stepfunctions", "StartExecution", {}, "Value null at 'stateMachineArn' failed .* not be null"),
        (
            "stepfunctions",
            "StartExecution",
            {"stateMachineArn": MACHINE, "name": "n" * 81},
            f"Value '{'n' * 81}' at 'name' failed .* have length less than or equal to 80",
        ),
        (
            "stepfunctions",
            "ListExecutions",
            {"stateMachineArn": MACHINE, "maxResults": 1001},
            "Value '1001' at 'maxResults' failed .* have value less than or equal to 1000",
        ),
        (
            "stepfunctions",
            "ListExecutions",
            {"stateMachineArn": MACHINE, "statusFilter": "OVER"},
            r"Value 'OVER' at 'statusFilter' failed .* satisfy enum value set: \[RUNNING, .*",
        ),
        (
            "sagemaker",
            "DescribeModel",
            {"ModelName": "a_model"},
            "Value 'a_model' at 'modelName' failed .* satisfy regular expression pattern: .*",
        ),
        (
            "sagemaker",
            "AddTags",
            {"ResourceArn": "arn:aws:sagemaker:eu-west-1:123456789012:model/m", "Tags": [{"Key": "k"}]},
            "Value null at 'tags.1.member.value' failed .* not be null",
        ),
        (
            "glue",
            "StartJobRun",
            {"JobName": "a-job", "Arguments": {"--a": "1"}, "Timeout": 0},
            "Value '0' at 'timeout' failed .* have value greater than or equal to 1",
        ),
    ],
)
def test_what_the_model_does_not_allow_is_named(
    service: str, operation: str, parameters: dict[str, Any], said: str
) -> None:
    (only,) = found(service, operation, parameters)
    assert re.fullmatch(said, only), only


def test_every_violation_is_said() -> None:
    wrong = found("stepfunctions", "CreateStateMachine", {"name": "", "definition": "{}"})
    assert len(wrong) == 2
    assert message(wrong).startswith("2 validation errors detected: Value")


@pytest.mark.parametrize(
    ("text", "in_a_tag"), [("é", True), ("木", True), ("\U0001f9ea", False)], ids=["latin", "han", "emoji"]
)
def test_patterns_mean_what_java_means_by_them(text: str, in_a_tag: bool) -> None:
    """Tags are of any language's letters; Glue's descriptions of anything, in Java's way to write it."""
    tags = [{"Key": "a", "Value": text}]
    assert bool(found("sagemaker", "CreateModel", {"ModelName": "m", "Tags": tags})) is not in_a_tag
    assert not found("glue", "CreateJob", {"Name": "j", "Role": "r", "Command": {}, "Description": text})


@pytest.mark.parametrize(
    ("operation", "parameters", "said"),
    [
        (
            "stepfunctions.ListExecutions",
            {"stateMachineArn": MACHINE, "statusFilter": "PENDING_REDRIVE"},
            "PENDING_REDRIVE takes a mapRunArn",
        ),
        ("stepfunctions.ListExecutions", {"stateMachineArn": MACHINE, "mapRunArn": "m"}, "but not both"),
        ("stepfunctions.ListExecutions", {}, "either a mapRunArn or a stateMachineArn"),
        ("stepfunctions.CreateStateMachine", {"versionDescription": "v"}, "only if publish is true"),
        ("stepfunctions.UpdateStateMachine", {"versionDescription": "v"}, "only if publish is true"),
        (
            "resourcegroupstaggingapi.GetResources",
            {"ResourceARNList": ["a"], "TagFilters": [{"Key": "k"}]},
            "ResourceARNList cannot be specified together with TagFilters",
        ),
        ("resourcegroupstaggingapi.GetResources", {"ExcludeCompliantResources": True}, "only if Include"),
        ("resourcegroupstaggingapi.GetResources", {"TagsPerPage": 150}, "multiple of 100"),
        (
            "sagemaker.CreateTrainingJob",
            {"AlgorithmSpecification": {"TrainingInputMode": "File"}},
            "either AlgorithmName or TrainingImage",
        ),
        (
            "sagemaker.CreateTrainingJob",
            {**XGBOOST, "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "VolumeKmsKeyId": "k"}},
            "ml.g5.xlarge has local storage",
        ),
        ("sagemaker.CreateTrainingJob", {**XGBOOST, "EnableManagedSpotTraining": True}, "MaxWaitTime"),
        (
            "sagemaker.CreateTrainingJob",
            {**XGBOOST, "StoppingCondition": {"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 1}},
            "equal to or greater than MaxRuntimeInSeconds",
        ),
        ("sagemaker.CreateModel", {"Tags": []}, "either PrimaryContainer or Containers"),
        (
            "sagemaker.CreateEndpointConfig",
            {"KmsKeyId": "k", "ProductionVariants": [{"VariantName": "v", "InstanceType": "ml.m5d.large"}]},
            "ml.m5d.large has local storage",
        ),
        (
            "sagemaker.CreateEndpointConfig",
            {"ProductionVariants": [{"VariantName": "v"}, {"VariantName": "v"}]},
            "each VariantName must be unique",
        ),
        ("sagemaker.AddTags", {"Tags": [{"Key": "aws:a", "Value": "1"}]}, "aws: prefixed tag key"),
        ("sagemaker.AddTags", {"Tags": [{"Key": "a"}, {"Key": "a"}]}, "Duplicate tag keys found: a"),
        ("dynamodb.Scan", {"Segment": 0}, "Segment and TotalSegments"),
        ("dynamodb.Scan", {"ProjectionExpression": "a", "Select": "COUNT"}, "SPECIFIC_ATTRIBUTES"),
        ("cloudformation.CreateStack", {**STACK, "StackName": "1st"}, "'stackName' failed"),
        ("cloudformation.CreateStack", {"StackName": "a"}, "Template URL or Template Body"),
        ("cloudformation.UpdateStack", {**STACK, "TemplateURL": "u"}, "Template URL or Template Body"),
        ("cloudformation.CreateStack", {**STACK, "TemplateBody": "é" * 30_000}, "has 60000 bytes"),
        (
            "cloudformation.CreateChangeSet",
            {**STACK, "TemplateBody": "Type: AWS::IAM::Role"},
            "Requires capabilities",
        ),
    ],
)
def test_what_cannot_go_together_is_refused(operation: str, parameters: dict[str, Any], said: str) -> None:
    assert [reason for reason in broken_rules(operation, parameters) if said in reason]


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("stepfunctions.ListExecutions", {"stateMachineArn": MACHINE, "redriveFilter": "REDRIVEN"}),
        ("stepfunctions.ListExecutions", {"mapRunArn": "m", "statusFilter": "PENDING_REDRIVE"}),
        ("resourcegroupstaggingapi.GetResources", {"TagFilters": [{"Key": "k"}], "TagsPerPage": 200}),
        (
            "sagemaker.CreateTrainingJob",
            {**XGBOOST, "ResourceConfig": {"InstanceType": "ml.m5.large", "VolumeKmsKeyId": "k"}},
        ),
        ("dynamodb.Scan", {"Segment": 0, "TotalSegments": 2}),
        (
            "cloudformation.CreateStack",
            {**STACK, "StackName": "arn:aws:cloudformation:::stack/a"},
        ),
    ],
)
def test_what_goes_together_is_not(operation: str, parameters: dict[str, Any]) -> None:
    assert list(broken_rules(operation, parameters)) == []
