"""The model registry of the embedded AWS: versions count on, are approved, and are what endpoints serve."""

from __future__ import annotations

from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws
from tests.integration.endpoints import HIGH, LOW, predict, settled


@pytest.fixture
def group(local_aws: LocalAws) -> str:
    """An empty group."""
    name = f"group-{uuid4().hex}"
    local_aws.client("sagemaker").create_model_package_group(
        ModelPackageGroupName=name, Tags=[{"Key": "k", "Value": "v"}]
    )
    return name


def _register(aws: LocalAws, group: str, model: str) -> str:
    source = aws.client("sagemaker").describe_model(ModelName=model)["PrimaryContainer"]
    container = {"Image": source["Image"], "ModelDataUrl": source["ModelDataUrl"]}
    arn: str = aws.client("sagemaker").create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelMetrics={
            "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/m"}}
        },
        CustomerMetadataProperties={"error": "0.1"},
    )["ModelPackageArn"]
    return arn


def test_what_the_registry_refuses(local_aws: LocalAws, models: dict[str, str], group: str) -> None:
    sagemaker = local_aws.client("sagemaker")
    with pytest.raises(ClientError, match=r"ValidationException.*already exists"):
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match=r"ValidationException.*does not exist"):
        _register(local_aws, "no-such-group", models["model"])
    with pytest.raises(ClientError, match=r"ValidationException.*not support SourceAlgorithmSpecification"):
        sagemaker.create_model_package(
            ModelPackageGroupName=group,
            SourceAlgorithmSpecification={"SourceAlgorithms": [{"AlgorithmName": "an-algorithm"}]},
        )
    arn = _register(local_aws, group, models["model"])
    with pytest.raises(ClientError, match="ConflictException"):
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    sagemaker.delete_model_package(ModelPackageName=arn)
    with pytest.raises(ClientError, match=r"ValidationException.*not found"):
        sagemaker.describe_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)


def test_versions_count_on_and_keep_what_an_update_leaves_out(
    local_aws: LocalAws, models: dict[str, str], group: str
) -> None:
    sagemaker = local_aws.client("sagemaker")
    first, second = (_register(local_aws, group, models["model"]) for _ in range(2))
    sagemaker.delete_model_package(ModelPackageName=first)
    third = _register(local_aws, group, models["model"])
    assert [arn.rpartition("/")[2] for arn in (first, second, third)] == ["1", "2", "3"]
    package = sagemaker.describe_model_package(ModelPackageName=third)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert "UserProfileName" not in package.get("CreatedBy", {})
    sagemaker.update_model_package(
        ModelPackageArn=third, ModelApprovalStatus="Approved", ApprovalDescription="good"
    )
    package = sagemaker.describe_model_package(ModelPackageName=third)
    assert (package["ModelApprovalStatus"], package["ApprovalDescription"]) == ("Approved", "good")
    assert package["CustomerMetadataProperties"] == {"error": "0.1"}
    assert package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == "s3://b/m"
    approved = sagemaker.list_model_packages(ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    assert [one["ModelPackageArn"] for one in approved["ModelPackageSummaryList"]] == [third]


def test_an_endpoint_serves_the_model_of_a_package(
    local_aws: LocalAws, models: dict[str, str], group: str
) -> None:
    sagemaker, name = local_aws.client("sagemaker"), f"packaged-{uuid4().hex}"
    arn = _register(local_aws, group, models["opposite"])
    role = local_aws.outputs["TrainingRoleArn"]
    with pytest.raises(ClientError, match=r"ValidationException.*not found"):
        sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"ModelPackageName": f"{arn}0"}
        )
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"ModelPackageName": arn})
    variant = {
        "VariantName": "all",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert settled(local_aws, name)["EndpointStatus"] == "InService"
    assert predict(local_aws, name, HIGH)[0] < 0.5 < predict(local_aws, name, LOW)[0]
    sagemaker.delete_endpoint(EndpointName=name)
