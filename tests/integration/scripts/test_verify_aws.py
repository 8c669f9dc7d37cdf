"""`make verify-aws` on the embedded AWS: it finds out what is so, and leaves nothing, however it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from include.local_aws.control import Control
from scripts.verify.remove_stack import GLUE_LOGS, TRAINING_LOGS
from tests.integration.embedded_aws import PROJECT, LocalAws, running_aws, until

pytestmark = pytest.mark.heavy

RUN_SECONDS = 900
# What nothing here makes happen, and Spark where there is no Java.
NOT_PROVOKED = {"capacity-error-is-a-failed-task", "quota-is-an-error-of-the-call"}
if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    NOT_PROVOKED.add("spark-writes-with-its-role")
# What AWS may show late, and the assumptions that say how late.
LAG_SECONDS = 2
LATE = ("stepfunctions.DescribeExecution", "stepfunctions.ListExecutions", "resourcegroupstaggingapi.*")
SHOWN_LATE = ("started-execution-can-be-described", "redrive-count-shows")
# What a verification might leave: boto3's client, operation, key of the list, and of a name in it.
LISTS = (
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("dynamodb", "list_tables", "TableNames", ""),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("glue", "get_jobs", "Jobs", "Name"),
    ("sagemaker", "list_training_jobs", "TrainingJobSummaries", "TrainingJobName"),
    ("sagemaker", "list_models", "Models", "ModelName"),
    ("sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
    ("sagemaker", "list_endpoints", "Endpoints", "EndpointName"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_policies", "Policies", "PolicyName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("events", "list_rules", "Rules", "Name"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
)


@dataclass
class Verifier:
    """
    Runs the command in an account that has nothing in it.

    :param folder: the command's build folder.
    """

    aws: LocalAws
    folder: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it; its output is :attr:`said`."""
        with (self.folder / "output.txt").open("a") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "scripts.verify_aws", "--build-dir", str(self.folder), *arguments],
                cwd=PROJECT,
                env=os.environ
                | {
                    "AWS_ENDPOINT_URL": self.aws.endpoint_url,
                    "AWS_REGION": "us-east-1",
                    "AWS_ACCESS_KEY_ID": "local",
                    "AWS_SECRET_ACCESS_KEY": "local",
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.processes.append(process)
        return process

    def run(self, *arguments: str) -> int:
        """Run it to its end."""
        return self.start(*arguments).wait(RUN_SECONDS)

    @property
    def said(self) -> str:
        """What all runs printed."""
        return (self.folder / "output.txt").read_text()

    @property
    def report(self) -> dict[str, Any]:
        """What the last run wrote."""
        found: dict[str, Any] = json.loads((self.folder / "verify-aws.json").read_text())
        return found

    def verdicts(self, verdict: str) -> dict[str, str]:
        """What was seen of all assumptions of this verdict."""
        found = self.report["assumptions"]
        return {item["assumption"]: item["seen"] for item in found if item["verdict"] == verdict}

    def there(self) -> set[str]:
        """Whatever is in the account, but for AWS's own: policies, and log groups of all jobs."""
        found = set()
        for service, operation, key, name in LISTS:
            client = self.aws.client(service)
            scope = {"Scope": "Local"} if operation == "list_policies" else {}
            for page in client.get_paginator(operation).paginate(**scope):
                found |= {f"{service} {item[name] if name else item}" for item in page[key]}
        return found - {f"logs {group}" for group in (*GLUE_LOGS, TRAINING_LOGS)}

    def training(self) -> str | None:
        """The training job under way."""
        jobs = self.aws.client("sagemaker").list_training_jobs(StatusEquals="InProgress")
        return next((job["TrainingJobName"] for job in jobs["TrainingJobSummaries"]), None)


@pytest.fixture
def verifier(tmp_path: Path) -> Iterator[Verifier]:
    """In an embedded AWS of its own, which enforces policies."""
    folder = tmp_path / "build"
    folder.mkdir()
    with running_aws(tmp_path / "aws", "--bare", "--enforce-iam") as aws:
        verifier = Verifier(aws, folder)
        yield verifier
        for process in verifier.processes:
            process.kill()
            process.wait()


@pytest.fixture
def control(verifier: Verifier) -> Control:
    return Control(verifier.aws.endpoint_url)


def test_everything_is_confirmed_of_the_embedded_aws_and_nothing_is_left(
    verifier: Verifier, control: Control
) -> None:
    assert not verifier.there()
    for operation in LATE:
        control.lag(operation, LAG_SECONDS)
    code = verifier.run("--yes")
    assert verifier.verdicts("refuted") == {}, verifier.said
    assert verifier.verdicts("not provoked").keys() == NOT_PROVOKED, verifier.said
    for name in SHOWN_LATE:
        assert float(verifier.verdicts("confirmed")[name].removesuffix(" s")) >= 1, verifier.said
    assert code == 0
    assert not verifier.there()
    assert verifier.report["removed"]
    # Nobody may take this for Amazon's word.
    assert verifier.report["aws"] == "a stand-in"
    assert f"seen at {verifier.aws.endpoint_url}, which only stands in for AWS" in verifier.said


def test_an_aws_that_does_otherwise_refutes(verifier: Verifier, control: Control) -> None:
    control.fail_call(
        "stepfunctions.DescribeExecution", "Unknown", status=400, times=None, contains="never-started"
    )
    assert verifier.run("--yes") == 1, verifier.said
    assert verifier.verdicts("refuted").pop("unknown-execution-is-said").startswith("Unknown")
    assert not verifier.there()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_it_finds_nothing_left(
    verifier: Verifier, control: Control, number: signal.Signals
) -> None:
    control.delay_job("sagemaker", "*", 600)
    process = verifier.start("--yes")
    until(verifier.training, 480, lambda: verifier.said)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    assert process.wait(480) == 130, verifier.said
    assert not verifier.there()
    assert not [child for child in children if child.is_running()]


def test_what_a_killed_one_left_is_removed_by_the_next(verifier: Verifier, control: Control) -> None:
    control.delay_job("sagemaker", "*", 600)
    process = verifier.start("--yes")
    until(verifier.training, 480, lambda: verifier.said)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    for child in children:
        child.kill()
    left = verifier.there()
    (stack,) = {item.split()[1] for item in left if item.startswith("cloudformation ")}
    # Nobody is there to say yes, so it says what it would remove and does not.
    assert verifier.run() == 1
    assert f"this removes {stack}, a verification, and all that it made" in verifier.said
    assert verifier.there() == left
    # What cannot be removed is named, with the command that removes it.
    control.fail_call("s3.DeleteBucket", "AccessDenied", status=403, times=None)
    assert verifier.run("--yes", "--clean", stack) == 1
    assert f"still there: bucket {stack}-" in verifier.said
    assert f"to remove it: make verify-aws CLEAN={stack}" in verifier.said
    control.clear_faults()
    assert verifier.run("--yes", "--clean", stack) == 0, verifier.said
    assert not verifier.there()
    # Nothing is pending any more: the next would begin a verification of its own.
    assert verifier.run() == 1
    assert verifier.said.endswith("nothing was created\n")
