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

EVENT = {
    "TrainingJobName": "flight-delay-1",
    "MetricName": "validation:error",
    "EndpointName": "flight-delay",
}
MOMENT = datetime(2013, 5, 1, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
ARTIFACT = "s3://lake/runs/champion/output/model.tar.gz"


@pytest.fixture
def sagemaker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    client = boto3.client("sagemaker", region_name="us-east-1")
    monkeypatch.setattr(training_metrics, "client", lambda: client)
    with Stubber(client) as stubber:
        yield stubber


def describe(
    stubber: Stubber,
    status: str = "Completed",
    job: str = "flight-delay-1",
    artifact: str = "s3://lake/model.tar.gz",
    **metrics: float,
) -> None:
    description: dict[str, Any] = {
        "TrainingJobName": job,
        "TrainingJobArn": f"{ARN}training-job/{job}",
        "TrainingJobStatus": status,
        "SecondaryStatus": status,
        "ModelArtifacts": {"S3ModelArtifacts": artifact},
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"VolumeSizeInGB": 5},
        "StoppingCondition": {},
        "CreationTime": MOMENT,
    }
    if metrics:
        description["FinalMetricDataList"] = [
            {"MetricName": name.replace("_", ":"), "Value": value, "Timestamp": MOMENT}
            for name, value in metrics.items()
        ]
    stubber.add_response("describe_training_job", description, {"TrainingJobName": job})


def not_found(stubber: Stubber, what: str, message: str = "Could not find it.") -> None:
    stubber.add_client_error(f"describe_{what}", "ValidationException", message, 400)


def serve(
    stubber: Stubber, artifact: str | None = ARTIFACT, status: str = "InService", variants: int = 1
) -> None:
    """An endpoint, its configuration and its model; no artifact means that the model has none."""
    stubber.add_response(
        "describe_endpoint",
        {
            "EndpointName": "flight-delay",
            "EndpointArn": f"{ARN}endpoint/flight-delay",
            "EndpointConfigName": "a-config",
            "EndpointStatus": status,
            "CreationTime": MOMENT,
            "LastModifiedTime": MOMENT,
        },
        {"EndpointName": "flight-delay"},
    )
    if status != "InService":
        return
    stubber.add_response(
        "describe_endpoint_config",
        {
            "EndpointConfigName": "a-config",
            "EndpointConfigArn": f"{ARN}endpoint-config/a-config",
            "ProductionVariants": [{"VariantName": f"v{i}", "ModelName": "a-model"} for i in range(variants)],
            "CreationTime": MOMENT,
        },
        {"EndpointConfigName": "a-config"},
    )
    if variants != 1:
        return
    model: dict[str, Any] = {
        "ModelName": "a-model",
        "ModelArn": f"{ARN}model/a-model",
        "CreationTime": MOMENT,
    }
    if artifact:
        model["PrimaryContainer"] = {"Image": "xgboost", "ModelDataUrl": artifact}
    stubber.add_response("describe_model", model, {"ModelName": "a-model"})


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
    not_found(sagemaker, "endpoint")
    assert training_metrics.handler(EVENT, None) == {
        "TrainingJobName": "flight-delay-1",
        "Metrics": {"train:error": 0.05, "validation:error": value},
        "Value": value,
        "Champion": None,
    }


def test_champion_is_the_training_job_whose_artifact_the_endpoint_serves(sagemaker: Stubber) -> None:
    serve(sagemaker)
    describe(sagemaker, job="champion", artifact=ARTIFACT, validation_error=0.09)
    assert training_metrics.find_champion("flight-delay") == {
        "TrainingJobName": "champion",
        "Metrics": {"validation:error": 0.09},
    }
    sagemaker.assert_no_pending_responses()


@pytest.mark.parametrize("status", ["Creating", "Failed", "OutOfService", "Deleting"])
def test_an_endpoint_that_serves_nothing_has_no_champion(sagemaker: Stubber, status: str) -> None:
    serve(sagemaker, status=status)
    assert training_metrics.find_champion("flight-delay") is None


@pytest.mark.parametrize("artifact", [None, "s3://lake/model.tar.gz", "model.tar.gz"])
def test_a_model_without_a_training_jobs_artifact_is_no_champion(
    sagemaker: Stubber, artifact: str | None
) -> None:
    serve(sagemaker, artifact)
    assert training_metrics.find_champion("flight-delay") is None


def test_a_model_whose_training_job_is_not_there_is_no_champion(sagemaker: Stubber) -> None:
    serve(sagemaker)
    not_found(sagemaker, "training_job", "Requested resource not found.")
    assert training_metrics.find_champion("flight-delay") is None


def test_several_models_at_an_endpoint_are_no_champion(sagemaker: Stubber) -> None:
    serve(sagemaker, variants=2)
    assert training_metrics.find_champion("flight-delay") is None


def test_a_job_that_only_has_the_artifacts_name_is_no_champion(sagemaker: Stubber) -> None:
    serve(sagemaker)
    describe(
        sagemaker, job="champion", artifact="s3://other/champion/output/model.tar.gz", validation_error=0.1
    )
    assert training_metrics.find_champion("flight-delay") is None


def test_a_job_that_left_no_metrics_is_no_champion(sagemaker: Stubber) -> None:
    serve(sagemaker)
    describe(sagemaker, job="champion", artifact=ARTIFACT)
    assert training_metrics.find_champion("flight-delay") is None


def test_aws_failing_is_not_taken_for_a_missing_champion(sagemaker: Stubber) -> None:
    sagemaker.add_client_error("describe_endpoint", "AccessDeniedException", "not authorized", 400)
    with pytest.raises(ClientError, match="not authorized"):
        training_metrics.find_champion("flight-delay")


@pytest.mark.parametrize(
    ("comparison", "margin", "champion", "bound"),
    [
        ("less_than", 0, 0.08, 0.08),
        ("less_than", 0.01, 0.08, 0.07),
        ("less_than", 0, 0.2, 0.1),
        ("less_than", 0.01, None, 0.1),
        ("greater_than", 0.01, 0.95, 0.96),
        ("greater_than", 0, 0.05, 0.1),
        ("greater_than", 0, None, 0.1),
    ],
)
def test_bound_is_the_stricter_of_threshold_and_champion(
    sagemaker: Stubber, comparison: str, margin: float, champion: float | None, bound: float
) -> None:
    describe(sagemaker, validation_error=0.05)
    serve(sagemaker)
    # A champion that was gated on another metric cannot be compared with.
    if champion is None:
        describe(sagemaker, job="champion", artifact=ARTIFACT, train_error=0.01)
    else:
        describe(sagemaker, job="champion", artifact=ARTIFACT, validation_error=champion)
    wish = {"Threshold": 0.1, "Comparison": comparison, "BeatChampionBy": margin}
    assert training_metrics.handler(EVENT | wish, None)["Bound"] == pytest.approx(bound)


def test_client_is_kept_between_invocations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "client", lambda service: [service])
    training_metrics.client.cache_clear()
    assert training_metrics.client() == ["sagemaker"]
    assert training_metrics.client() is training_metrics.client()
    training_metrics.client.cache_clear()


CAPACITY = "CapacityError: Unable to provision requested ML compute capacity."
LOOK = {
    **EVENT,
    "Data": "s3://lake/runs/flight-delay",
    "Training": {"Number": 1, "Redrives": 0, "Capacity": 1},
    "Error": {"Error": "SageMaker.ResourceInUseException", "Cause": "names must be unique"},
    "RedriveCount": 0,
    "CapacityPauses": [60, 300],
}


def training(stubber: Stubber, status: str, reason: str = "", folder: str = "flight-delay") -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://lake/runs/{folder}/train/"}
    description: dict[str, Any] = {
        "TrainingJobName": "flight-delay-1",
        "TrainingJobArn": f"{ARN}training-job/flight-delay-1",
        "TrainingJobStatus": status,
        "SecondaryStatus": status,
        "ModelArtifacts": {"S3ModelArtifacts": ARTIFACT},
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        "ResourceConfig": {"VolumeSizeInGB": 5},
        "StoppingCondition": {},
        "CreationTime": MOMENT,
    }
    if reason:
        description["FailureReason"] = reason
    stubber.add_response("describe_training_job", description, {"TrainingJobName": "flight-delay-1"})


def test_a_training_that_completed_after_all_is_taken(sagemaker: Stubber) -> None:
    training(sagemaker, "Completed")
    found = training_metrics.handler(LOOK | {"RedriveCount": 5}, None)
    assert found["Job"] == {
        "TrainingJobName": "flight-delay-1",
        "ModelArtifacts": {"S3ModelArtifacts": ARTIFACT},
    }
    assert (found["Number"], found["Capacity"]) == (1, 1)


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_a_training_that_is_under_way_is_waited_for(sagemaker: Stubber, status: str) -> None:
    training(sagemaker, status)
    with pytest.raises(training_metrics.TrainingUnderWay, match=f"flight-delay-1 is {status}"):
        training_metrics.handler(LOOK | {"RedriveCount": 5}, None)


def test_want_of_capacity_is_another_number_after_a_pause_that_grows(sagemaker: Stubber) -> None:
    training(sagemaker, "Failed", CAPACITY)
    assert training_metrics.handler(LOOK, None) == {
        "Number": 2,
        "Redrives": 0,
        "Capacity": 2,
        "Seconds": 300,
        "Job": {},
    }


def test_want_of_capacity_has_its_bounds(sagemaker: Stubber) -> None:
    training(sagemaker, "Failed", CAPACITY)
    last = LOOK | {"Training": {"Number": 2, "Redrives": 0, "Capacity": 2}}
    with pytest.raises(training_metrics.CapacityError, match=r"Unable to provision .* begun anew 2 times"):
        training_metrics.handler(last, None)


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        ("Failed", "AlgorithmError: no CapacityError", "^AlgorithmError: no CapacityError$"),
        ("Stopped", "", "^training job flight-delay-1: Stopped, Stopped$"),
    ],
)
def test_other_failures_are_failures(sagemaker: Stubber, status: str, reason: str, said: str) -> None:
    training(sagemaker, status, reason)
    with pytest.raises(training_metrics.TrainingFailed, match=said):
        training_metrics.handler(LOOK, None)


def test_a_job_that_was_never_made_gives_the_reason_of_step_functions(sagemaker: Stubber) -> None:
    not_found(sagemaker, "training_job", "Requested resource not found.")
    with pytest.raises(
        training_metrics.TrainingRefused, match="ResourceInUseException: names must be unique"
    ):
        training_metrics.handler(LOOK, None)


@pytest.mark.parametrize("status", ["Failed", "Stopped", None])
def test_a_redrive_trains_anew(sagemaker: Stubber, status: str | None) -> None:
    if status:
        training(sagemaker, status, "AlgorithmError: empty file")
    else:
        not_found(sagemaker, "training_job", "Requested resource not found.")
    again = training_metrics.handler(LOOK | {"RedriveCount": 1}, None)
    assert again == {"Number": 2, "Redrives": 1, "Capacity": 0, "Seconds": 0, "Job": {}}


def test_a_job_that_reads_other_data_is_not_taken(sagemaker: Stubber) -> None:
    training(sagemaker, "Completed", folder="flight-delay-2")
    with pytest.raises(
        training_metrics.NotOurs, match="reads s3://lake/runs/flight-delay-2/train/, not what"
    ):
        training_metrics.handler(LOOK, None)
