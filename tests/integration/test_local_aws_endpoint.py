"""Endpoints of the embedded AWS: they serve the model they were given, and update as SageMaker's do."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.sagemaker_requests import model_of, trained, training_request

HIGH, LOW = "10,10", "0,0"


@pytest.fixture(scope="module")
def models(local_aws: LocalAws) -> dict[str, str]:
    """Configurations of a model that calls high sums likely, and of one that calls them unlikely."""
    jobs = {name: training_request(local_aws, flip=name == "opposite") for name in ("model", "opposite")}
    for request in jobs.values():
        local_aws.client("sagemaker").create_training_job(**request)
    ended = {name: trained(local_aws, request["TrainingJobName"]) for name, request in jobs.items()}
    return {
        name: model_of(local_aws, job["ModelArtifacts"]["S3ModelArtifacts"]) for name, job in ended.items()
    }


@pytest.fixture(scope="module")
def broken(local_aws: LocalAws) -> str:
    """A configuration whose model has no data."""
    return model_of(local_aws, f"s3://{local_aws.outputs['Bucket']}/nowhere/model.tar.gz")


@pytest.fixture
def endpoint(local_aws: LocalAws, models: dict[str, str]) -> Iterator[str]:
    """An endpoint in service."""
    name, sagemaker = f"endpoint-{uuid4().hex}", local_aws.client("sagemaker")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=models["model"])
    assert _settled(local_aws, name)["EndpointStatus"] == "InService"
    yield name
    _settled(local_aws, name)
    sagemaker.delete_endpoint(EndpointName=name)


def _settled(aws: LocalAws, name: str) -> dict[str, Any]:
    def probe() -> dict[str, Any] | None:
        description: dict[str, Any] = aws.client("sagemaker").describe_endpoint(EndpointName=name)
        return None if description["EndpointStatus"] in ("Creating", "Updating") else description

    return until(probe)


def _predict(aws: LocalAws, name: str, body: str, content_type: str = "text/csv") -> list[float]:
    answer = aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, ContentType=content_type, Body=body
    )
    return [float(value) for value in answer["Body"].read().decode().split(",")]


def test_a_missing_endpoint_is_not_found(local_aws: LocalAws) -> None:
    sagemaker = local_aws.client("sagemaker")
    with pytest.raises(ClientError, match=r'ValidationException.*Could not find endpoint "arn:.*/nobody"'):
        sagemaker.describe_endpoint(EndpointName="nobody")
    with pytest.raises(ClientError, match=r'ValidationException.*Could not find endpoint "'):
        sagemaker.update_endpoint(EndpointName="nobody", EndpointConfigName="none")
    with pytest.raises(ClientError, match=r"ValidationError.*Endpoint nobody of account"):
        _predict(local_aws, "nobody", HIGH)


def test_nothing_is_created_twice(local_aws: LocalAws, models: dict[str, str], endpoint: str) -> None:
    sagemaker, config = local_aws.client("sagemaker"), models["model"]
    refused = "ValidationException.*Cannot create already existing"
    with pytest.raises(ClientError, match=f"{refused} endpoint"):
        sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
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
    description = _settled(local_aws, name)
    assert description["EndpointStatus"] == "Failed"
    assert broken in description["FailureReason"]
    assert "NoSuchKey" in description["FailureReason"]
    with pytest.raises(ClientError, match=r"ValidationError"):
        _predict(local_aws, name, HIGH)


def test_an_update_that_fails_keeps_the_old_model_in_service(
    local_aws: LocalAws, models: dict[str, str], broken: str, endpoint: str
) -> None:
    before = _predict(local_aws, endpoint, HIGH)
    local_aws.client("sagemaker").update_endpoint(EndpointName=endpoint, EndpointConfigName=broken)
    description = _settled(local_aws, endpoint)
    assert description["EndpointStatus"] == "InService"
    assert broken in description["FailureReason"]
    assert description["EndpointConfigName"] == models["model"]
    assert _predict(local_aws, endpoint, HIGH) == before


def test_an_update_waits_for_the_one_before_and_the_old_model_serves_until_then(
    local_aws: LocalAws, models: dict[str, str], endpoint: str
) -> None:
    sagemaker, before = local_aws.client("sagemaker"), _predict(local_aws, endpoint, HIGH)
    slow = _slow_model(local_aws, models["opposite"])
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=slow)
    with pytest.raises(ClientError, match=r"ValidationException.*Cannot update in-progress endpoint"):
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=models["model"])
    assert _predict(local_aws, endpoint, HIGH) == before
    assert sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Updating"
    assert _settled(local_aws, endpoint)["EndpointConfigName"] == slow
    assert _predict(local_aws, endpoint, HIGH) != before


def _slow_model(aws: LocalAws, name: str) -> str:
    """The same model behind so much padding that loading it takes a good part of a second."""
    model = aws.client("sagemaker").describe_model(ModelName=name)
    bucket, _, key = model["PrimaryContainer"]["ModelDataUrl"].removeprefix("s3://").partition("/")
    archive = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    padded = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as source,
        tarfile.open(fileobj=padded, mode="w:gz", compresslevel=1) as target,
    ):
        padding = tarfile.TarInfo("padding")
        padding.size = 200_000_000
        target.addfile(padding, io.BytesIO(bytes(padding.size)))
        member = source.getmember("xgboost-model")
        target.addfile(member, source.extractfile(member))
    aws.client("s3").put_object(Bucket=bucket, Key=f"{key}.padded", Body=padded.getvalue())
    return model_of(aws, f"s3://{bucket}/{key}.padded")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        (HIGH, "application/json", 415, "application/json"),
        ("a,b", "text/csv", 415, "Loading csv data failed"),
        ("\n", "text/csv", 415, "empty"),
        ("1,2,3", "text/csv", 400, "Feature size of csv inference data 3"),
        ("1,2\n1\n", "text/csv", 415, "Loading csv data failed"),
    ],
)
def test_what_cannot_be_predicted_is_a_model_error(
    local_aws: LocalAws, endpoint: str, body: str, content_type: str, status: int, message: str
) -> None:
    with pytest.raises(ClientError) as raised:
        _predict(local_aws, endpoint, body, content_type)
    answer = raised.value.response
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answer["OriginalStatusCode"] == status  # type: ignore[typeddict-item]
    assert message in answer["Error"]["Message"]


def test_predictions_are_those_of_the_model_last_given(
    local_aws: LocalAws, models: dict[str, str], endpoint: str
) -> None:
    high, low = _predict(local_aws, endpoint, f"{HIGH}\n{LOW}\n")
    assert low < 0.5 < high

    local_aws.client("sagemaker").update_endpoint(
        EndpointName=endpoint, EndpointConfigName=models["opposite"]
    )
    description = _settled(local_aws, endpoint)

    assert description["EndpointConfigName"] == models["opposite"]
    assert "FailureReason" not in description
    assert _predict(local_aws, endpoint, HIGH)[0] < 0.5 < _predict(local_aws, endpoint, LOW)[0]


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
