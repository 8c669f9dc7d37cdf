"""Endpoints of the embedded AWS: they serve the model they were given, and update as SageMaker's do."""

from __future__ import annotations

from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from include.local_aws.control import Control
from tests.integration.embedded_aws import LocalAws
from tests.integration.endpoints import HIGH, LOW, predict, settled
from tests.integration.sagemaker_requests import model_of


def test_a_missing_endpoint_is_not_found(local_aws: LocalAws) -> None:
    sagemaker = local_aws.client("sagemaker")
    with pytest.raises(ClientError, match=r'ValidationException.*Could not find endpoint "arn:.*/nobody"'):
        sagemaker.describe_endpoint(EndpointName="nobody")
    with pytest.raises(ClientError, match=r'ValidationException.*Could not find endpoint "'):
        sagemaker.update_endpoint(EndpointName="nobody", EndpointConfigName="none")
    with pytest.raises(ClientError, match=r"ValidationError.*Endpoint nobody of account"):
        predict(local_aws, "nobody", HIGH)


def test_nothing_is_created_twice(local_aws: LocalAws, models: dict[str, str], endpoint: str) -> None:
    sagemaker, config = local_aws.client("sagemaker"), models["model"]
    refused = "ValidationException.*Cannot create already existing"
    for name in (endpoint, endpoint.upper()):
        with pytest.raises(ClientError, match=f"{refused} endpoint"):
            sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    described = sagemaker.describe_model(ModelName=config)
    same = {key: described[key] for key in ("ModelName", "ExecutionRoleArn", "PrimaryContainer")}
    with pytest.raises(ClientError, match=f"{refused} model"):
        sagemaker.create_model(**same)
    variants = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    with pytest.raises(ClientError, match=f"{refused} endpoint configuration"):
        sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=variants)


def test_an_endpoint_without_a_model_to_load_fails_with_the_reason(local_aws: LocalAws, broken: str) -> None:
    name = f"endpoint-{uuid4().hex}"
    local_aws.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=broken)
    description = settled(local_aws, name)
    assert description["EndpointStatus"] == "Failed"
    assert broken in description["FailureReason"]
    assert "NoSuchKey" in description["FailureReason"]
    with pytest.raises(ClientError, match=r"ValidationError"):
        predict(local_aws, name, HIGH)
    sagemaker = local_aws.client("sagemaker")
    with pytest.raises(ClientError, match=r"ValidationException.*Cannot update failed endpoint"):
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=broken)
    sagemaker.delete_endpoint(EndpointName=name)
    with pytest.raises(ClientError, match=r"Could not find endpoint"):
        sagemaker.describe_endpoint(EndpointName=name)


def test_an_update_that_fails_keeps_the_old_model_in_service(
    local_aws: LocalAws, models: dict[str, str], broken: str, endpoint: str
) -> None:
    before = predict(local_aws, endpoint, HIGH)
    local_aws.client("sagemaker").update_endpoint(EndpointName=endpoint, EndpointConfigName=broken)
    description = settled(local_aws, endpoint)
    assert description["EndpointStatus"] == "InService"
    assert broken in description["FailureReason"]
    assert description["EndpointConfigName"] == models["model"]
    assert predict(local_aws, endpoint, HIGH) == before


def test_an_update_waits_for_the_one_before_and_the_old_model_serves_until_then(
    local_aws: LocalAws, control: Control, models: dict[str, str], endpoint: str
) -> None:
    sagemaker, before = local_aws.client("sagemaker"), predict(local_aws, endpoint, HIGH)
    control.delay_deployment(endpoint, 1)
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=models["opposite"])
    with pytest.raises(ClientError, match=r"ValidationException.*Cannot update in-progress endpoint"):
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=models["model"])
    assert predict(local_aws, endpoint, HIGH) == before
    described = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert described["EndpointStatus"] == "Updating"
    assert described["EndpointConfigName"] == models["model"]
    assert described["PendingDeploymentSummary"]["EndpointConfigName"] == models["opposite"]
    assert settled(local_aws, endpoint)["EndpointConfigName"] == models["opposite"]
    assert "PendingDeploymentSummary" not in sagemaker.describe_endpoint(EndpointName=endpoint)
    assert predict(local_aws, endpoint, HIGH) != before


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        (HIGH, "application/json", 415, "application/json is not an accepted ContentType: csv, libsvm"),
        (HIGH, "text/csv;label_size=0", 415, "label_size must be equal to 1"),
        (HIGH, "application/x-parquet", 415, "Content-type application/x-parquet is not supported"),
        ("a,b", "text/csv", 415, "Loading csv data failed with Exception"),
        ("\n", "text/csv", 415, "Could not determine delimiter"),
        ("1,2\n1\n", "text/csv", 415, "Loading csv data failed with Exception"),
        ("1:a", "text/libsvm", 415, "Loading libsvm data failed with Exception"),
        ("1,2,3", "text/csv", 400, "Unable to evaluate payload provided: "),
    ],
)
def test_what_cannot_be_predicted_is_a_model_error(
    local_aws: LocalAws, endpoint: str, body: str, content_type: str, status: int, message: str
) -> None:
    with pytest.raises(ClientError) as raised:
        predict(local_aws, endpoint, body, content_type)
    answer = raised.value.response
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answer["OriginalStatusCode"] == status  # type: ignore[typeddict-item]
    assert message in answer["OriginalMessage"]  # type: ignore[typeddict-item]
    assert answer["Error"]["Message"].startswith(
        f"Received client error ({status}) from primary with message"
    )
    group = f"log-group:/aws/sagemaker/Endpoints/{endpoint}"
    assert answer["LogStreamArn"].endswith(group)  # type: ignore[typeddict-item]


def test_predictions_are_those_of_the_model_last_given(
    local_aws: LocalAws, models: dict[str, str], endpoint: str
) -> None:
    high, low = predict(local_aws, endpoint, f"{HIGH}\n{LOW}\n")
    assert low < 0.5 < high

    local_aws.client("sagemaker").update_endpoint(
        EndpointName=endpoint, EndpointConfigName=models["opposite"]
    )
    description = settled(local_aws, endpoint)

    assert description["EndpointConfigName"] == models["opposite"]
    assert "FailureReason" not in description
    assert predict(local_aws, endpoint, HIGH)[0] < 0.5 < predict(local_aws, endpoint, LOW)[0]


def test_an_update_to_a_model_that_is_gone_is_refused_and_changes_nothing(
    local_aws: LocalAws, models: dict[str, str], endpoint: str
) -> None:
    sagemaker = local_aws.client("sagemaker")
    data_url = sagemaker.describe_model(ModelName=models["model"])["PrimaryContainer"]["ModelDataUrl"]
    gone = model_of(local_aws, data_url)
    sagemaker.delete_model(ModelName=gone)
    with pytest.raises(ClientError, match=r"ValidationException.*Could not find model"):
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=gone)
    assert sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"
