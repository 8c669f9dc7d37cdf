"""Processing jobs of the embedded AWS: scripts really run, with their container's paths."""

from __future__ import annotations

import json
import subprocess
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws, until

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
CODE, DATA, OUT = (f"/opt/ml/processing/{name}" for name in ("input/code", "input/data", "output"))
SCRIPT = f"""
import json, os, pathlib, sys
import pandas
config = json.loads(pathlib.Path("/opt/ml/config/processingjobconfig.json").read_text())
table = pandas.read_csv("{DATA}/a.csv", header=None)
os.makedirs("{OUT}/below", exist_ok=True)
pathlib.Path("{OUT}/below/sum.json").write_text(json.dumps({{
    "sum": int(table.sum().sum()), "argv": sys.argv[1:], "name": config["ProcessingJobName"],
    "greeting": os.environ["GREETING"],
}}))
print("summed up")
"""
FAILS = """
import pathlib
pathlib.Path("/opt/ml/output/message").write_text("no more")
raise SystemExit(3)
"""


def _can_mount() -> bool:
    command = ["unshare", "--map-root-user", "--mount", "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


mounts = pytest.mark.skipif(not _can_mount(), reason="this machine does not let a process mount for itself")


def _request(aws: LocalAws, script: str, **changes: Any) -> dict[str, Any]:
    """A CreateProcessingJob request, its script and its data uploaded."""
    name, bucket = f"process-{uuid4().hex}", aws.outputs["Bucket"]
    root = f"runs/{name}"
    for path, content in (("code/sum.py", script), ("data/a.csv", "1,2\n3,4\n")):
        aws.client("s3").put_object(Bucket=bucket, Key=f"{root}/{path}", Body=content.encode())

    def given(kind: str, path: str, local_path: str) -> dict[str, Any]:
        source = {"S3Uri": f"s3://{bucket}/{root}/{path}", "LocalPath": local_path}
        return {"InputName": kind, "S3Input": {**source, "S3DataType": "S3Prefix", "S3InputMode": "File"}}

    output = {"S3Uri": f"s3://{bucket}/{root}/out", "LocalPath": OUT, "S3UploadMode": "EndOfJob"}
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    return {
        "ProcessingJobName": name,
        "RoleArn": aws.outputs["TrainingRoleArn"],
        "AppSpecification": {
            "ImageUri": SKLEARN,
            "ContainerEntrypoint": ["python3", f"{CODE}/sum.py"],
            "ContainerArguments": ["--fast"],
        },
        "Environment": {"GREETING": "hello"},
        "ProcessingInputs": [given("code", "code/sum.py", CODE), given("data", "data", DATA)],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "sums", "S3Output": output}]},
        "ProcessingResources": {"ClusterConfig": cluster},
        **changes,
    }


def _ended(aws: LocalAws, name: str) -> dict[str, Any]:
    def probe() -> dict[str, Any] | None:
        job: dict[str, Any] = aws.client("sagemaker").describe_processing_job(ProcessingJobName=name)
        return None if job["ProcessingJobStatus"] in ("InProgress", "Stopping") else job

    return until(probe)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"AppSpecification": {"ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine"}}, "ImageUri"),
        ({"AppSpecification": {"ImageUri": SKLEARN}}, r"ContainerEntrypoint: .* script in Python"),
        (
            {"AppSpecification": {"ImageUri": SKLEARN, "ContainerEntrypoint": ["/bin/bash", "run.sh"]}},
            r"ContainerEntrypoint: .* script in Python",
        ),
        ({"RoleArn": "arn:aws:iam::123456789012:role/nobody"}, "Could not assume role"),
        ({"ProcessingJobName": "under_score"}, "'processingJobName' failed to satisfy constraint"),
    ],
)
def test_what_cannot_be_processed_is_refused_at_once(
    local_aws: LocalAws, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError, match=f"ValidationException.*{said}"):
        local_aws.client("sagemaker").create_processing_job(**_request(local_aws, SCRIPT, **changes))


def test_what_inputs_and_outputs_cannot_do_is_refused_by_name(local_aws: LocalAws) -> None:
    sagemaker = local_aws.client("sagemaker")
    request = _request(local_aws, SCRIPT)
    request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3UploadMode"] = "Continuous"
    with pytest.raises(ClientError, match=r"ProcessingOutputConfig\.sums\.S3UploadMode"):
        sagemaker.create_processing_job(**request)
    request = _request(local_aws, SCRIPT)
    request["ProcessingInputs"][1]["S3Input"]["LocalPath"] = "/etc"
    with pytest.raises(ClientError, match=r"ProcessingInputs\.data\.LocalPath: it must be below"):
        sagemaker.create_processing_job(**request)


@mounts
def test_a_script_that_fails_fails_the_job(local_aws: LocalAws) -> None:
    request = _request(local_aws, FAILS)
    local_aws.client("sagemaker").create_processing_job(**request)
    job = _ended(local_aws, request["ProcessingJobName"])
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 3"
    assert job["ExitMessage"] == "no more"


@mounts
def test_a_script_runs_between_its_inputs_and_its_outputs(local_aws: LocalAws) -> None:
    s3, bucket, request = local_aws.client("s3"), local_aws.outputs["Bucket"], _request(local_aws, SCRIPT)
    name = request["ProcessingJobName"]
    local_aws.client("sagemaker").create_processing_job(**request)
    job = _ended(local_aws, name)
    assert job["ProcessingJobStatus"] == "Completed", job["FailureReason"]
    assert job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    written = s3.get_object(Bucket=bucket, Key=f"runs/{name}/out/below/sum.json")["Body"].read()
    assert json.loads(written) == {"sum": 10, "argv": ["--fast"], "name": name, "greeting": "hello"}
    streams = local_aws.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix=f"{name}/algo-1-"
    )
    assert len(streams["logStreams"]) == 1
    with pytest.raises(ClientError, match=r"ResourceInUse.*must be unique"):
        local_aws.client("sagemaker").create_processing_job(**request)


@mounts
def test_a_job_can_be_stopped_and_runs_out_of_time(local_aws: LocalAws) -> None:
    sagemaker = local_aws.client("sagemaker")
    request = _request(local_aws, "import time; print('begun', flush=True); time.sleep(600)")
    name = request["ProcessingJobName"]
    sagemaker.create_processing_job(**request)
    log = local_aws.state_dir / "logs" / "processing" / f"{name}.log"
    until(lambda: log.exists() and "begun" in log.read_text())
    sagemaker.stop_processing_job(ProcessingJobName=name)
    assert _ended(local_aws, name)["ProcessingJobStatus"] == "Stopped"
    late = _request(local_aws, "while True: pass", StoppingCondition={"MaxRuntimeInSeconds": 1})
    sagemaker.create_processing_job(**late)
    assert _ended(local_aws, late["ProcessingJobName"])["ProcessingJobStatus"] == "Stopped"
