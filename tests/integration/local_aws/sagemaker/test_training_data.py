"""What training jobs of the embedded AWS read: the formats of SageMaker XGBoost, prefixes and manifests."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from include.local_aws.control import Control
from tests.integration.embedded_aws import LocalAws
from tests.integration.sagemaker_requests import HYPERPARAMETERS, rows, trained, training_request


def _started(aws: LocalAws, content: bytes, content_type: str | None, **changes: Any) -> str:
    """Starts a job with one file and no validation, and gives its name."""
    request = training_request(aws, **changes)
    name = request["TrainingJobName"]
    aws.client("s3").put_object(
        Bucket=aws.outputs["Bucket"], Key=f"runs/{name}/train/part-0.csv", Body=content
    )
    channel = {**request["InputDataConfig"][0], "ContentType": content_type}
    if content_type is None:
        del channel["ContentType"]
    aws.client("sagemaker").create_training_job(**{**request, "InputDataConfig": [channel]})
    return str(name)


def _error(job: dict[str, Any]) -> float:
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    (metric,) = job["FinalMetricDataList"]
    return float(metric["Value"])


def test_what_is_not_of_its_content_type_fails_the_job(local_aws: LocalAws) -> None:
    csv = rows(50, 1).encode()
    jobs = {
        "is not 'LIBSVM' format": _started(local_aws, csv, None),
        "Failed to load parquet data": _started(local_aws, csv, "application/x-parquet"),
        "application/json is not an accepted ContentType: csv, libsvm": _started(
            local_aws, csv, "application/json"
        ),
        "label_size must be equal to 1": _started(local_aws, csv, "text/csv;label_size=0"),
        "does not read recordio-protobuf": _started(local_aws, csv, "application/x-recordio-protobuf"),
    }
    for reason, name in jobs.items():
        job = trained(local_aws, name)
        assert job["TrainingJobStatus"] == "Failed", reason
        assert job["FailureReason"].startswith("ClientError: ")
        assert reason in job["FailureReason"]


def test_the_formats_say_the_same(local_aws: LocalAws) -> None:
    """Without a content type it is libsvm, as the algorithm has it."""
    table = np.array([[float(field) for field in line.split(",")] for line in rows(300, 1).splitlines()])
    svm = "".join(f"{label:g} 0:{a:g} 1:{b:g}\n" for label, a, b in table).encode()
    tabs = rows(300, 1).replace(",", "\t").encode()
    weighted = "".join(f"{label:g},1,{a:g},{b:g}\n" for label, a, b in table).encode()
    empty = "".join(f"{label:g},{a:g},{b:g},\n" for label, a, b in table).encode()
    names = [
        _started(local_aws, rows(300, 1).encode(), "text/csv; label_size=1"),
        _started(local_aws, svm, None),
        _started(local_aws, svm, "text/x-libsvm"),
        _started(local_aws, tabs, "csv"),
        _started(local_aws, weighted, "text/csv", HyperParameters={**HYPERPARAMETERS, "csv_weights": "1"}),
        _started(local_aws, empty, "text/csv"),
    ]
    errors = {_error(trained(local_aws, name)) for name in names}
    assert len(errors) == 1
    assert 0 < errors.pop() < 0.3


def test_a_manifest_names_the_files(local_aws: LocalAws) -> None:
    s3, bucket = local_aws.client("s3"), local_aws.outputs["Bucket"]
    request = training_request(local_aws)
    root = f"runs/{request['TrainingJobName']}"
    manifest = [{"prefix": f"s3://{bucket}/{root}/"}, "train/part-0.csv"]
    s3.put_object(Bucket=bucket, Key=f"{root}/manifest", Body=json.dumps(manifest).encode())
    channel = request["InputDataConfig"][0]
    channel["DataSource"]["S3DataSource"].update(
        S3DataType="ManifestFile", S3Uri=f"s3://{bucket}/{root}/manifest"
    )
    missing = training_request(local_aws, InputDataConfig=[channel])
    local_aws.client("sagemaker").create_training_job(**request)
    assert trained(local_aws, request["TrainingJobName"])["TrainingJobStatus"] == "Completed"

    manifest.append("train/nowhere.csv")
    s3.put_object(Bucket=bucket, Key=f"{root}/manifest", Body=json.dumps(manifest).encode())
    local_aws.client("sagemaker").create_training_job(**missing)
    assert (
        "Data download failed:channel train"
        in trained(local_aws, missing["TrainingJobName"])["FailureReason"]
    )


@pytest.mark.parametrize(("attempts", "status"), [(None, "Failed"), (2, "Completed")])
def test_an_internal_error_is_tried_again_as_often_as_asked_for(
    local_aws: LocalAws, control: Control, attempts: int | None, status: str
) -> None:
    strategy = {"RetryStrategy": {"MaximumRetryAttempts": attempts}} if attempts else {}
    request = training_request(local_aws, **strategy)
    name = request["TrainingJobName"]
    control.fail_job("sagemaker", name, "InternalServerError: an instance was lost", times=2)
    local_aws.client("sagemaker").create_training_job(**request)
    job = trained(local_aws, name)
    assert job["TrainingJobStatus"] == status
    restarts = [one["Status"] for one in job["SecondaryStatusTransitions"]].count("Restarting")
    assert restarts == (attempts or 0)


def test_a_job_of_an_experiment_is_a_component_of_its_trial(local_aws: LocalAws) -> None:
    sagemaker, request = local_aws.client("sagemaker"), training_request(local_aws)
    name = request["TrainingJobName"]
    config = {"ExperimentName": name, "TrialName": name}
    with pytest.raises(ClientError, match=r"ResourceNotFound.*ExperimentName"):
        sagemaker.create_training_job(**request, ExperimentConfig=config)
    sagemaker.create_experiment(ExperimentName=name)
    sagemaker.create_trial(ExperimentName=name, TrialName=name)
    sagemaker.create_training_job(**request, ExperimentConfig=config)
    listed = sagemaker.list_trial_components(TrialName=name)["TrialComponentSummaries"]
    assert [one["TrialComponentName"] for one in listed] == [f"{name}-aws-training-job"]


def test_the_environment_reaches_the_container(local_aws: LocalAws) -> None:
    request = training_request(local_aws, Environment={"PYTHONPROFILEIMPORTTIME": "1"})
    local_aws.client("sagemaker").create_training_job(**request)
    job = trained(local_aws, request["TrainingJobName"])
    assert job["Environment"] == {"PYTHONPROFILEIMPORTTIME": "1"}
    log = local_aws.state_dir / "logs" / "training" / f"{request['TrainingJobName']}.log"
    assert "import time:" in log.read_text()


def test_a_job_goes_on_from_its_checkpoints(local_aws: LocalAws) -> None:
    s3, bucket = local_aws.client("s3"), local_aws.outputs["Bucket"]
    request = training_request(local_aws, HyperParameters={**HYPERPARAMETERS, "num_round": "7"})
    folder = f"runs/{request['TrainingJobName']}/checkpoints"
    spot = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 600},
        "CheckpointConfig": {"S3Uri": f"s3://{bucket}/{folder}"},
    }

    def log_of(request: dict[str, Any]) -> str:
        local_aws.client("sagemaker").create_training_job(**request)
        name = request["TrainingJobName"]
        assert trained(local_aws, name)["TrainingJobStatus"] == "Completed"
        return (local_aws.state_dir / "logs" / "training" / f"{name}.log").read_text()

    log_of({**request, **spot})
    kept = s3.list_objects_v2(Bucket=bucket, Prefix=folder)["Contents"]
    names = [item["Key"].removeprefix(f"{folder}/") for item in kept]
    assert names == [f"xgboost-checkpoint.{number}" for number in range(2, 7)]
    resumed = training_request(local_aws, **spot)
    lines = [line.split("\t")[0] for line in log_of(resumed).splitlines() if line.startswith("[")]
    assert lines == ["[7]", "[8]", "[9]"]
