"""SageMaker's lists and tags of the embedded AWS: what housekeeping finds old models by."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws
from tests.integration.endpoints import HIGH, predict, settled
from tests.integration.sagemaker_requests import IMAGE, model_of, stored_artifact, trained, training_request

COUNT = 23


@pytest.fixture(scope="module")
def names(local_aws: LocalAws) -> list[str]:
    """Models and endpoint configurations, named otherwise than they were made one after the other."""
    prefix = uuid4().hex[:12]
    names = [f"Listed-{prefix}-{(7 * number) % COUNT:02}" for number in range(COUNT)]
    for name in names:
        make(local_aws, name, Tags=[{"Key": "retraining:model", "Value": prefix}])
    return names


def make(aws: LocalAws, name: str, **settings: Any) -> None:
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=aws.outputs["TrainingRoleArn"],
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": stored_artifact(aws)},
        **settings,
    )
    variant = {
        "VariantName": "all",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], **settings)


LISTS = [
    ("list_models", "Models", "ModelName"),
    ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
]


def listed(aws: LocalAws, operation: str, result: str, field: str, **request: Any) -> list[str]:
    pages = aws.client("sagemaker").get_paginator(operation).paginate(**request)
    return [found[field] for page in pages for found in page[result]]


@pytest.mark.parametrize(("operation", "result", "field"), LISTS)
def test_lists_are_filtered_sorted_and_paged(
    local_aws: LocalAws, names: list[str], operation: str, result: str, field: str
) -> None:
    part = names[0].rpartition("-")[0].lower()
    first = getattr(local_aws.client("sagemaker"), operation)(NameContains=part)
    assert [found[field] for found in first[result]] == names[:-11:-1]
    assert listed(local_aws, operation, result, field, NameContains=part) == names[::-1]
    assert listed(
        local_aws, operation, result, field, NameContains=part, SortBy="Name", SortOrder="Ascending"
    ) == sorted(names)
    with pytest.raises(ClientError, match="Invalid pagination token"):
        getattr(local_aws.client("sagemaker"), operation)(NextToken="none")


@pytest.mark.parametrize(("operation", "result", "field"), LISTS)
def test_lists_know_times(
    local_aws: LocalAws, names: list[str], operation: str, result: str, field: str
) -> None:
    part = names[0].rpartition("-")[0]
    page = getattr(local_aws.client("sagemaker"), operation)(NameContains=part, MaxResults=100)[result]
    created = [found["CreationTime"] for found in page]
    # boto3 sends whole seconds.
    begin, end = min(created) - timedelta(seconds=1), max(created) + timedelta(seconds=2)
    for moment, before, after in ((begin, 0, COUNT), (end, COUNT, 0)):
        limits = {"CreationTimeBefore": before, "CreationTimeAfter": after}
        for limit, count in limits.items():
            request = {"NameContains": part, limit: moment}
            assert len(listed(local_aws, operation, result, field, **request)) == count, limit


def test_what_is_deleted_between_two_pages_hides_nothing_else(local_aws: LocalAws) -> None:
    sagemaker, prefix = local_aws.client("sagemaker"), f"deleted-{uuid4().hex[:12]}"
    names = [f"{prefix}-{number:02}" for number in range(9)]
    for name in names:
        make(local_aws, name)
    found = []
    for page in sagemaker.get_paginator("list_models").paginate(
        NameContains=prefix, SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    ):
        for model in page["Models"]:
            found.append(model["ModelName"])
            sagemaker.delete_model(ModelName=model["ModelName"])
            sagemaker.delete_endpoint_config(EndpointConfigName=model["ModelName"])
    assert found == names
    with pytest.raises(ClientError, match=r"ValidationException.*Could not find model"):
        sagemaker.delete_model(ModelName=names[0])
    with pytest.raises(ClientError, match=r"ValidationException.*Could not find endpoint configuration"):
        sagemaker.delete_endpoint_config(EndpointConfigName=names[0])


def test_an_endpoints_model_and_configuration_can_be_deleted_as_on_aws(
    local_aws: LocalAws, models: dict[str, str], endpoint: str
) -> None:
    sagemaker = local_aws.client("sagemaker")
    data_url = sagemaker.describe_model(ModelName=models["model"])["PrimaryContainer"]["ModelDataUrl"]
    used = model_of(local_aws, data_url)
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=used)
    assert settled(local_aws, endpoint)["EndpointConfigName"] == used
    sagemaker.delete_endpoint_config(EndpointConfigName=used)
    sagemaker.delete_model(ModelName=used)
    assert predict(local_aws, endpoint, HIGH)


def test_training_jobs_are_listed_before_they_are_paged(local_aws: LocalAws) -> None:
    sagemaker, prefix = local_aws.client("sagemaker"), f"job-{uuid4().hex[:12]}"
    names = [f"{prefix}-{number}" for number in range(3)]
    for name in names:
        request = training_request(local_aws, TrainingJobName=name, Tags=[{"Key": "k", "Value": name}])
        sagemaker.create_training_job(**request)
    ended = [trained(local_aws, name)["TrainingJobStatus"] for name in names]
    assert ended == ["Completed"] * 3
    found = sagemaker.list_training_jobs(NameContains=prefix, MaxResults=2, StatusEquals="Completed")
    assert [job["TrainingJobName"] for job in found["TrainingJobSummaries"]] == names[:2]
    rest = sagemaker.list_training_jobs(NameContains=prefix, MaxResults=2, NextToken=found["NextToken"])
    assert [job["TrainingJobName"] for job in rest["TrainingJobSummaries"]] == names[2:]
    assert not sagemaker.list_training_jobs(NameContains=prefix, StatusEquals="Failed")[
        "TrainingJobSummaries"
    ]
    arn = found["TrainingJobSummaries"][0]["TrainingJobArn"]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": names[0]}]


@pytest.mark.parametrize("kind", ["model", "endpoint-config"])
def test_tags_are_kept_and_replaced(local_aws: LocalAws, names: list[str], kind: str) -> None:
    sagemaker = local_aws.client("sagemaker")
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:{kind}/{names[0]}"
    (first,) = sagemaker.list_tags(ResourceArn=arn)["Tags"]
    added = {"Key": "retraining:metric", "Value": "0.08"}
    sagemaker.add_tags(ResourceArn=arn, Tags=[{**added, "Value": "0.1"}])
    sagemaker.add_tags(ResourceArn=arn, Tags=[added])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [first, added]
    with pytest.raises(ClientError, match=r"ValidationException.*Could not find resource"):
        sagemaker.list_tags(ResourceArn=f"{arn}-other")


@pytest.mark.parametrize("kind", ["model", "endpoint-config"])
def test_resources_are_found_by_a_tag(local_aws: LocalAws, names: list[str], kind: str) -> None:
    prefix = names[0].split("-")[1]
    pages = (
        local_aws.client("resourcegroupstaggingapi")
        .get_paginator("get_resources")
        .paginate(
            ResourceTypeFilters=[f"sagemaker:{kind}"],
            TagFilters=[{"Key": "retraining:model", "Values": [prefix]}],
            ResourcesPerPage=10,
        )
    )
    found = [resource for page in pages for resource in page["ResourceTagMappingList"]]
    arns = {f"arn:aws:sagemaker:us-east-1:123456789012:{kind}/{name}" for name in names}
    assert {resource["ResourceARN"] for resource in found} == arns
    assert len(found) == COUNT
    assert all({"Key": "retraining:model", "Value": prefix} in resource["Tags"] for resource in found)
