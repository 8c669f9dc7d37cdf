"""The Lambda that reads a training job's metrics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from include.lambdas.training_metrics import handler as training_metrics

EVENT = {"TrainingJobName": "flight-delay-1", "MetricName": "validation:error"}


@pytest.fixture
def sagemaker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    client = boto3.client("sagemaker", region_name="us-east-1")
    monkeypatch.setattr(training_metrics, "client", lambda: client)
    with Stubber(client) as stubber:
        yield stubber


def describe(stubber: Stubber, status: str = "Completed", **metrics: float) -> None:
    moment = datetime(2013, 5, 1, tzinfo=UTC)
    description: dict[str, Any] = {
        "TrainingJobName": "flight-delay-1",
        "TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/flight-delay-1",
        "TrainingJobStatus": status,
        "SecondaryStatus": status,
        "ModelArtifacts": {"S3ModelArtifacts": "s3://lake/model.tar.gz"},
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"VolumeSizeInGB": 5},
        "StoppingCondition": {},
        "CreationTime": moment,
    }
    if metrics:
        description["FinalMetricDataList"] = [
            {"MetricName": name.replace("_", ":"), "Value": value, "Timestamp": moment}
            for name, value in metrics.items()
        ]
    stubber.add_response("describe_training_job", description, {"TrainingJobName": "flight-delay-1"})


def test_unknown_job_is_reported_as_sagemaker_does(sagemaker: Stubber) -> None:
    sagemaker.add_client_error(
        "describe_training_job", "ValidationException", "Requested resource not found.", 400
    )
    with pytest.raises(ClientError, match="Requested resource not found"):
        training_metrics.handler(EVENT, None)


def test_job_without_metrics_names_the_job_and_its_status(sagemaker: Stubber) -> None:
    describe(sagemaker, status="InProgress")
    with pytest.raises(training_metrics.NoMetrics) as error:
        training_metrics.handler(EVENT, None)
    assert str(error.value) == "training job flight-delay-1 (InProgress) reported no metrics"


def test_missing_metric_lists_what_there_is(sagemaker: Stubber) -> None:
    describe(sagemaker, validation_auc=0.9, train_error=0.05)
    with pytest.raises(training_metrics.MetricMissing) as error:
        training_metrics.handler(EVENT, None)
    assert str(error.value) == (
        "training job flight-delay-1 has no metric validation:error; it has train:error, validation:auc"
    )


@pytest.mark.parametrize("key", EVENT)
def test_incomplete_event_names_what_is_missing(sagemaker: Stubber, key: str) -> None:
    with pytest.raises(KeyError, match=key):
        training_metrics.handler({name: value for name, value in EVENT.items() if name != key}, None)


@pytest.mark.parametrize("value", [0.0, 0.08038786362214576])
def test_metrics_come_by_name_whatever_their_order(sagemaker: Stubber, value: float) -> None:
    describe(sagemaker, train_error=0.05, validation_error=value)
    assert training_metrics.handler(EVENT, None) == {
        "TrainingJobName": "flight-delay-1",
        "Metrics": {"train:error": 0.05, "validation:error": value},
    }


def test_client_is_kept_between_invocations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "client", lambda service: [service])
    training_metrics.client.cache_clear()
    assert training_metrics.client() == ["sagemaker"]
    assert training_metrics.client() is training_metrics.client()
    training_metrics.client.cache_clear()
