"""The embedded AWS as a program: its command line, its start and its end, what it refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import PROJECT, PYTHON, STACK_NAME, LocalAws, running_aws, until
from tests.integration.sagemaker_requests import HYPERPARAMETERS, training_request


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, "-m", "include.local_aws", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--parallelism", "0"), "--parallelism: 0 is not allowed; at least 1 is"),
        (("--port", "70000"), "--port: 70000 is not allowed; 0 to 65535 are"),
        (
            ("--allow-host", "aws:4566"),
            "--allow-host: 'aws:4566' is not allowed; a host's name without a port is",
        ),
        (("--allow-host", "*"), "--allow-host: '*' is not allowed; a host's name without a port is"),
    ],
)
def test_a_bad_argument_is_named_with_what_is_allowed(arguments: tuple[str, ...], message: str) -> None:
    ended = _run(*arguments)
    assert ended.returncode == 2
    assert message in ended.stderr


def test_a_port_in_use_is_said_to_be(local_aws: LocalAws, tmp_path: Path) -> None:
    port = urlsplit(local_aws.endpoint_url).port
    ended = _run("--port", str(port), "--state-dir", str(tmp_path))
    assert ended.returncode == 1
    assert f"Port {port} is in use" in ended.stderr
    assert not (tmp_path / "ready.json").exists()


def test_help_says_what_it_is() -> None:
    ended = _run("--help")
    assert ended.returncode == 0
    assert "ready.json" in ended.stdout


def test_sigterm_ends_it_and_every_child(tmp_path: Path) -> None:
    with running_aws(tmp_path, "--parallelism", "1") as aws:
        endless = {**HYPERPARAMETERS, "num_round": "100000000"}
        request = training_request(aws, HyperParameters=endless)
        aws.client("sagemaker").create_training_job(**request)
        child = until(lambda: _children(aws.pid))[0]
        queued = training_request(aws)
        aws.client("sagemaker").create_training_job(**queued)
        os.kill(aws.pid, 15)
        until(lambda: _state(aws.pid) == "Z")
        assert _state(child) is None
        assert not (tmp_path / "ready.json").exists()
        assert list((tmp_path / "scratch").iterdir()) == []
        log = tmp_path / "logs" / "training"
        assert [path.stem for path in log.iterdir()] == [request["TrainingJobName"]]


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _state(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return None


def test_it_listens_on_loopback_only(local_aws: LocalAws) -> None:
    port = urlsplit(local_aws.endpoint_url).port
    tables = "".join(Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6"))
    rows = [line.split() for line in tables.splitlines()]
    # State 0A is LISTEN; the address is in hexadecimal, its bytes in the machine's order.
    listening = [row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]
    assert listening == [f"0100007F:{port:04X}"]


def test_what_is_not_supported_says_so(local_aws: LocalAws) -> None:
    with pytest.raises(ClientError, match=r"NotImplementedException.*does not support sagemaker:ListActions"):
        local_aws.client("sagemaker").list_actions()
    template = {"Resources": {"Line": {"Type": "AWS::IoT::Nothing"}}}
    cloudformation = local_aws.client("cloudformation")
    with pytest.raises(ClientError, match="AWS::IoT::Nothing"):
        cloudformation.create_stack(StackName="x", TemplateBody=json.dumps(template))
    with pytest.raises(ClientError, match="Stack with id x does not exist"):
        cloudformation.describe_stacks(StackName="x")


def test_jobs_that_would_only_pretend_are_refused(local_aws: LocalAws) -> None:
    with pytest.raises(ClientError, match="does not support sagemaker:StartPipelineExecution"):
        local_aws.client("sagemaker").start_pipeline_execution(
            PipelineName="p", ClientRequestToken=uuid4().hex
        )


def test_the_account_is_set_up_by_the_template(local_aws: LocalAws) -> None:
    outputs, s3 = local_aws.outputs, local_aws.client("s3")
    assert outputs.keys() == {
        "Bucket",
        "GlueJobName",
        "MetricsFunctionName",
        "EndpointTestFunctionName",
        "DeploymentFunctionName",
        "DeploymentsTable",
        "AirflowPolicyArn",
        "FailureTopicArn",
        "StateMachineRoleArn",
        "TrainingRoleArn",
    }
    rules = s3.get_bucket_encryption(Bucket=outputs["Bucket"])["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    stack = local_aws.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    keys = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack["Parameters"]}
    assert re.fullmatch(r"glue/transform-[0-9a-f]{16}\.py", keys["GlueScriptKey"])
    days = s3.list_objects_v2(Bucket=outputs["Bucket"], Prefix="data/flights/date=2013-05-01/")
    assert days["KeyCount"] == 1
