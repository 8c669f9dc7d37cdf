"""Training jobs of the embedded AWS: they train, and fail as SageMaker's do."""

from __future__ import annotations

import io
import re
import tarfile
from typing import Any

import numpy as np
import pytest
import xgboost
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.sagemaker_requests import (
    HYPERPARAMETERS,
    IMAGE,
    channel_request,
    rows,
    trained,
    training_request,
)

# The image of us-west-2.
OF_ANOTHER_REGION = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1"
NOBODY = "arn:aws:iam::123456789012:role/nobody"
LONG = {**HYPERPARAMETERS, "num_round": "100000000"}


def _train(aws: LocalAws, **changes: Any) -> dict[str, Any]:
    request = training_request(aws, **changes)
    aws.client("sagemaker").create_training_job(**request)
    return trained(aws, request["TrainingJobName"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"eta": "7"}, "Hyperparameter eta: 7 is not in [0, 1]"),
        ({"max_depth": "deep"}, "Hyperparameter max_depth: could not parse 'deep' as int"),
        ({"sharpness": "0.1"}, "Extraneous hyperparameter found: sharpness"),
        ({"eval_metric": "accuracy"}, "eval_metric: the embedded AWS computes xgboost's own metrics"),
        ({"objective": "binary:magic"}, "binary:magic"),
    ],
)
def test_bad_hyperparameters_fail_the_job_and_are_named(
    local_aws: LocalAws, changes: dict[str, str], reason: str
) -> None:
    job = _train(local_aws, HyperParameters={**HYPERPARAMETERS, **changes})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert reason in job["FailureReason"]
    assert job["FailureReason"].endswith("exit code: 1")
    assert "S3ModelArtifacts" not in job.get("ModelArtifacts", {})


def test_the_number_of_rounds_is_required(local_aws: LocalAws) -> None:
    without = {key: value for key, value in HYPERPARAMETERS.items() if key != "num_round"}
    job = _train(local_aws, HyperParameters=without)
    assert "Missing required hyperparameter: num_round" in job["FailureReason"]


@pytest.mark.parametrize("bucket", ["", "no-such-bucket"])
def test_a_channel_without_objects_is_refused(local_aws: LocalAws, bucket: str) -> None:
    root = f"s3://{bucket or local_aws.outputs['Bucket']}/nothing"
    request = training_request(local_aws, InputDataConfig=[channel_request(root, "train")])
    with pytest.raises(ClientError, match=f'No S3 objects found under S3 URL "{root}/train" given in'):
        local_aws.client("sagemaker").create_training_job(**request)


def test_a_model_that_cannot_be_stored_fails_the_job(local_aws: LocalAws) -> None:
    job = _train(local_aws, OutputDataConfig={"S3OutputPath": "s3://no-such-bucket/p"})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        "ClientError: Artifact upload failed:Unable to upload file to s3://no"
    )
    assert "NoSuchBucket" in job["FailureReason"]


@pytest.mark.parametrize("content", ["label,a,b\n1,2,3\n", "1,2\n1,2,3\n", ""])
def test_what_is_not_csv_of_numbers_fails_the_job(local_aws: LocalAws, content: str) -> None:
    request = training_request(local_aws)
    key = f"runs/{request['TrainingJobName']}/train/part-0.csv"
    local_aws.client("s3").put_object(Bucket=local_aws.outputs["Bucket"], Key=key, Body=content.encode())
    local_aws.client("sagemaker").create_training_job(**request)
    job = trained(local_aws, request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Failed"
    assert re.search("Channel train|No data in training channel path", job["FailureReason"])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {"AlgorithmSpecification": {"TrainingImage": "x/linear-learner:1", "TrainingInputMode": "File"}},
            "x/linear-learner:1",
        ),
        (
            {"AlgorithmSpecification": {"TrainingImage": OF_ANOTHER_REGION, "TrainingInputMode": "File"}},
            OF_ANOTHER_REGION,
        ),
        ({"AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "Pipe"}}, "InputMode"),
        ({"RoleArn": NOBODY}, f"Could not assume role {NOBODY}. Please ensure that the role exists"),
        ({"HyperParameters": {"sagemaker_program": "train.py"}}, "HyperParameters.sagemaker_program"),
        (
            {
                "DebugHookConfig": {
                    "S3OutputPath": "s3://b/p",
                    "CollectionConfigurations": [{"CollectionName": "metrics"}],
                }
            },
            "does not support DebugHookConfig.CollectionConfigurations",
        ),
        (
            {"ProfilerConfig": {"S3OutputPath": "s3://b/p", "ProfilingIntervalInMilliseconds": 100}},
            "does not support ProfilerConfig.ProfilingIntervalInMilliseconds",
        ),
        (
            {"InputDataConfig": [{**channel_request("s3://b/p", "train"), "ShuffleConfig": {"Seed": 1}}]},
            "does not support InputDataConfig.ShuffleConfig",
        ),
        (
            {
                "ResourceConfig": {
                    "InstanceCount": 1,
                    "InstanceType": "ml.m5.large",
                    "VolumeSizeInGB": 5,
                    "KeepAlivePeriodInSeconds": 60,
                }
            },
            "does not support ResourceConfig.KeepAlivePeriodInSeconds",
        ),
        ({"ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.tiny"}}, "ml.m5.tiny"),
        ({"TrainingJobName": "under_score"}, "'trainingJobName' failed to satisfy constraint"),
        ({"TrainingJobName": "a" * 64}, "less than or equal to 63"),
        (
            {"ResourceConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}},
            "ResourceConfig.InstanceCount",
        ),
        (
            {
                "ResourceConfig": {
                    "InstanceCount": 1,
                    "InstanceType": "ml.g5.xlarge",
                    "VolumeSizeInGB": 5,
                    "VolumeKmsKeyId": "a-key",
                }
            },
            "ResourceConfig.VolumeKmsKeyId: ml.g5.xlarge has local storage",
        ),
        (
            {"InputDataConfig": [{**channel_request("s3://b/p", "train"), "CompressionType": "Gzip"}]},
            "InputDataConfig.train.CompressionType",
        ),
    ],
)
def test_what_cannot_be_trained_here_is_refused_at_once(
    local_aws: LocalAws, changes: dict[str, Any], named: str
) -> None:
    request = training_request(local_aws, **changes)
    with pytest.raises(ClientError, match=f"ValidationException.*{re.escape(named)}"):
        local_aws.client("sagemaker").create_training_job(**request)


def test_a_name_is_used_once(local_aws: LocalAws) -> None:
    request = training_request(local_aws)
    local_aws.client("sagemaker").create_training_job(**request)
    with pytest.raises(ClientError, match="ResourceInUse"):
        local_aws.client("sagemaker").create_training_job(**request)
    assert trained(local_aws, request["TrainingJobName"])["TrainingJobStatus"] == "Completed"


def test_a_running_job_can_be_stopped_once(local_aws: LocalAws) -> None:
    sagemaker, request = local_aws.client("sagemaker"), training_request(local_aws, HyperParameters=LONG)
    name = request["TrainingJobName"]
    sagemaker.create_training_job(**request)
    log = local_aws.state_dir / "logs" / "training" / f"{name}.log"
    until(lambda: log.exists() and "[1]" in log.read_text())
    assert sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Training"
    sagemaker.stop_training_job(TrainingJobName=name)
    job = trained(local_aws, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert "FinalMetricDataList" not in job
    with pytest.raises(ClientError, match=r"ValidationException.*Stopped"):
        sagemaker.stop_training_job(TrainingJobName=name)


def test_only_a_job_that_has_ended_can_be_deleted(local_aws: LocalAws) -> None:
    sagemaker, request = local_aws.client("sagemaker"), training_request(local_aws, HyperParameters=LONG)
    name = request["TrainingJobName"]
    sagemaker.create_training_job(**request)
    with pytest.raises(ClientError, match=r"ResourceInUse.*InProgress"):
        sagemaker.delete_training_job(TrainingJobName=name)
    sagemaker.stop_training_job(TrainingJobName=name)
    trained(local_aws, name)
    sagemaker.delete_training_job(TrainingJobName=name)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        sagemaker.delete_training_job(TrainingJobName=name)
    assert not sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]


def test_a_job_over_its_time_is_stopped(local_aws: LocalAws) -> None:
    job = _train(local_aws, HyperParameters=LONG, StoppingCondition={"MaxRuntimeInSeconds": 2})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_the_result_is_that_of_xgboost_to_the_last_digit(local_aws: LocalAws) -> None:
    job = _train(local_aws)

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
    assert job["TrainingStartTime"] <= job["TrainingEndTime"]
    stages = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert stages == ["Starting", "Downloading", "Training", "Uploading", "Completed"]

    matrices = {name: _matrix(rows(300, seed)) for name, seed in (("train", 1), ("validation", 2))}
    results: dict[str, dict[str, list[float]]] = {}
    parameters = {
        "objective": "binary:logistic",
        "eval_metric": "error",
        "max_depth": 3,
        "eta": 0.2,
        "seed": 1,
    }
    booster = xgboost.train(
        parameters,
        matrices["train"],
        10,
        evals=[(matrix, name) for name, matrix in matrices.items()],
        evals_result=results,
        verbose_eval=False,
    )
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert metrics.keys() == {"train:error", "validation:error"}
    assert 0 < metrics["validation:error"] < 0.3
    for channel in matrices:
        assert metrics[f"{channel}:error"] == pytest.approx(results[channel]["error"][-1], abs=1e-9)

    model = _model(local_aws, job["ModelArtifacts"]["S3ModelArtifacts"])
    np.testing.assert_array_equal(
        model.predict(matrices["validation"]), booster.predict(matrices["validation"])
    )


def _matrix(text: str) -> xgboost.DMatrix:
    values = np.loadtxt(io.StringIO(text), delimiter=",", dtype=np.float32)
    return xgboost.DMatrix(values[:, 1:], label=values[:, 0])


def _model(aws: LocalAws, uri: str) -> xgboost.Booster:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    archive = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getnames() == ["xgboost-model"]
        content = tar.extractfile("xgboost-model")
        assert content is not None
        return xgboost.Booster(model_file=bytearray(content.read()))
