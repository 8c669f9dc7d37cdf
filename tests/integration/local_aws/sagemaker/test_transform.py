"""Batch Transform of the embedded AWS: it predicts from S3 into S3, with the model that it is given."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.endpoints import HIGH, LOW
from tests.integration.state_machines import create_machine, ended, start, task_state

TRANSFORM = "arn:aws:states:::sagemaker:createTransformJob.sync"


def _request(aws: LocalAws, model: str, files: dict[str, bytes], **changes: Any) -> dict[str, Any]:
    """A CreateTransformJob request, its input uploaded; ``TransformInput`` and such add to what is there."""
    name, bucket = f"transform-{uuid4().hex}", aws.outputs["Bucket"]
    for path, content in files.items():
        aws.client("s3").put_object(Bucket=bucket, Key=f"runs/{name}/in/{path}", Body=content)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/runs/{name}/in/"}
    request: dict[str, Any] = {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": f"s3://{bucket}/runs/{name}/out"},
        "TransformResources": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
    }
    for field, value in changes.items():
        known = request.get(field)
        request[field] = {**known, **value} if isinstance(known, dict) else value
    return request


def _ended(aws: LocalAws, name: str) -> dict[str, Any]:
    def probe() -> dict[str, Any] | None:
        job: dict[str, Any] = aws.client("sagemaker").describe_transform_job(TransformJobName=name)
        return None if job["TransformJobStatus"] in ("InProgress", "Stopping") else job

    return until(probe)


def _written(aws: LocalAws, request: dict[str, Any]) -> dict[str, str]:
    """What a job that has to succeed writes, by path."""
    s3, bucket, name = aws.client("s3"), aws.outputs["Bucket"], request["TransformJobName"]
    aws.client("sagemaker").create_transform_job(**request)
    job = _ended(aws, name)
    assert job["TransformJobStatus"] == "Completed", job["FailureReason"]
    prefix = f"runs/{name}/out/"
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    return {
        key.removeprefix(prefix): s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        for key in keys
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ModelName": "nobody"}, "Could not find model"),
        ({"TransformInput": {"SplitType": "RecordIO"}}, "TransformInput.SplitType"),
        ({"TransformResources": {"InstanceCount": 2}}, "TransformResources.InstanceCount"),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://b/p"}}, "does not support DataCaptureConfig"),
        ({"DataProcessing": {"JoinSource": "Input"}}, "TransformOutput.AssembleWith: with DataProcessing"),
        ({"DataProcessing": {"InputFilter": "$.features"}}, "DataProcessing.InputFilter"),
    ],
)
def test_what_cannot_be_transformed_is_refused_at_once(
    local_aws: LocalAws, models: dict[str, str], changes: dict[str, Any], said: str
) -> None:
    request = _request(local_aws, models["model"], {}, **changes)
    with pytest.raises(ClientError, match=f"ValidationException.*{said}"):
        local_aws.client("sagemaker").create_transform_job(**request)


def test_what_the_model_refuses_fails_the_job_and_is_in_the_log(
    local_aws: LocalAws, models: dict[str, str]
) -> None:
    sagemaker, logs = local_aws.client("sagemaker"), local_aws.client("logs")
    request = _request(local_aws, models["model"], {"a.csv": b"1,b\n"})
    name = request["TransformJobName"]
    sagemaker.create_transform_job(**request)
    job = _ended(local_aws, name)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == "ClientError: See job logs for more information"
    group = "/aws/sagemaker/TransformJobs"
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    assert "Loading csv data failed" in events[-1]["message"]
    with pytest.raises(ClientError, match=r"ResourceInUse.*must be unique"):
        sagemaker.create_transform_job(**request)
    with pytest.raises(ClientError, match=r"ValidationException.*Failed"):
        sagemaker.stop_transform_job(TransformJobName=name)
    empty = _request(local_aws, models["model"], {})
    sagemaker.create_transform_job(**empty)
    assert "No S3 objects found" in _ended(local_aws, empty["TransformJobName"])["FailureReason"]


def test_every_object_has_a_prediction_a_line(local_aws: LocalAws, models: dict[str, str]) -> None:
    rows = f"{HIGH}\n{LOW}\n{HIGH}\n".encode()
    written = _written(
        local_aws, _request(local_aws, models["model"], {"a.csv": rows, "b/c.csv": LOW.encode()})
    )
    assert written.keys() == {"a.csv.out", "b/c.csv.out"}
    high, low, again = (float(line) for line in written["a.csv.out"].splitlines())
    assert low < 0.5 < high == again
    assert float(written["b/c.csv.out"]) == low
    alone = _request(local_aws, models["model"], {"a.csv": rows}, BatchStrategy="SingleRecord")
    assert _written(local_aws, alone) == {"a.csv.out": written["a.csv.out"]}
    whole = _request(local_aws, models["model"], {"a.csv": rows}, TransformInput={"SplitType": "None"})
    assert _written(local_aws, whole) == {"a.csv.out": written["a.csv.out"]}


def test_predictions_are_joined_with_their_lines(local_aws: LocalAws, models: dict[str, str]) -> None:
    request = _request(
        local_aws,
        models["model"],
        {"a.csv": f"first,{HIGH}\nsecond,{LOW}\n".encode()},
        TransformOutput={"AssembleWith": "Line"},
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )
    first, second = _written(local_aws, request)["a.csv.out"].splitlines()
    assert [line.split(",")[0] for line in (first, second)] == ["first", "second"]
    assert float(second.split(",")[1]) < 0.5 < float(first.split(",")[1])


def test_a_job_can_be_stopped(local_aws: LocalAws, models: dict[str, str]) -> None:
    sagemaker = local_aws.client("sagemaker")
    rows = f"{HIGH}\n".encode() * 500_000
    request = _request(local_aws, models["model"], {"a.csv": rows}, BatchStrategy="SingleRecord")
    name = request["TransformJobName"]
    sagemaker.create_transform_job(**request)
    sagemaker.stop_transform_job(TransformJobName=name)
    assert _ended(local_aws, name)["TransformJobStatus"] == "Stopped"
    listed = sagemaker.list_transform_jobs(NameContains=name, StatusEquals="Stopped")
    assert [job["TransformJobName"] for job in listed["TransformJobSummaries"]] == [name]


def test_a_state_machine_waits_for_a_job_and_stops_it(local_aws: LocalAws, models: dict[str, str]) -> None:
    def machine(files: dict[str, bytes], **changes: Any) -> tuple[str, str]:
        request = _request(local_aws, models["model"], files, **changes)
        return request["TransformJobName"], create_machine(local_aws, task_state(TRANSFORM, request))

    _, good = machine({"a.csv": HIGH.encode()})
    _, bad = machine({"a.csv": b"1,b"})
    name, long = machine({"a.csv": f"{HIGH}\n".encode() * 500_000}, BatchStrategy="SingleRecord")
    succeeded, failed, stopped = (start(local_aws, arn) for arn in (good, bad, long))
    output = json.loads(ended(local_aws, succeeded)["output"])
    assert output["TransformJobStatus"] == "Completed"
    description = ended(local_aws, failed)
    assert (description["status"], description["error"]) == ("FAILED", "States.TaskFailed")
    assert "See job logs for more information" in description["cause"]
    sagemaker = local_aws.client("sagemaker")
    until(lambda: sagemaker.list_transform_jobs(NameContains=name)["TransformJobSummaries"])
    local_aws.client("stepfunctions").stop_execution(executionArn=stopped)
    assert _ended(local_aws, name)["TransformJobStatus"] == "Stopped"
