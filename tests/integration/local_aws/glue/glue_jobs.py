"""Glue jobs for tests."""

from __future__ import annotations

import contextlib
import json
from typing import Any
from uuid import uuid4

from tests.integration.embedded_aws import LocalAws, until

PENDING = ("STARTING", "RUNNING", "STOPPING")
GLUE_ROLE = "arn:aws:iam::123456789012:role/glue-jobs"


def glue_role(aws: LocalAws) -> str:
    """ARN of a role that Glue can take."""
    iam, name = aws.client("iam"), GLUE_ROLE.rpartition("/")[2]
    trust = {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    return GLUE_ROLE


def create_glue_job(aws: LocalAws, program: str, command: str = "pythonshell", **settings: Any) -> str:
    """A Glue job that runs a program; gives its name. A setting that is None is left out."""
    name, bucket = f"job-{uuid4().hex}", aws.outputs["Bucket"]
    aws.client("s3").put_object(Bucket=bucket, Key=f"scripts/{name}.py", Body=program.encode())
    defaults: dict[str, Any] = {
        "Name": name,
        "Role": glue_role(aws),
        "Command": {"Name": command, "ScriptLocation": f"s3://{bucket}/scripts/{name}.py"},
    }
    if command == "glueetl":
        defaults |= {"GlueVersion": "5.1", "WorkerType": "G.1X", "NumberOfWorkers": 2}
    given = {key: value for key, value in {**defaults, **settings}.items() if value is not None}
    aws.client("glue").create_job(**given)
    return name


def start(aws: LocalAws, job: str, **arguments: str) -> str:
    """A run of a job; gives its id."""
    flags = {f"--{name}": value for name, value in arguments.items()}
    run_id: str = aws.client("glue").start_job_run(JobName=job, Arguments=flags)["JobRunId"]
    return run_id


def describe(aws: LocalAws, job: str, run_id: str) -> dict[str, Any]:
    """What GetJobRun says."""
    run: dict[str, Any] = aws.client("glue").get_job_run(JobName=job, RunId=run_id)["JobRun"]
    return run


def ended(aws: LocalAws, job: str, run_id: str, seconds: float = 60) -> dict[str, Any]:
    """What GetJobRun says once the run has ended."""

    def probe() -> dict[str, Any] | None:
        run = describe(aws, job, run_id)
        return None if run["JobRunState"] in PENDING else run

    return until(probe, seconds)


def crawled(aws: LocalAws, path: str, **settings: Any) -> dict[str, Any]:
    """What GetCrawler says of a new crawler after its first crawl."""
    glue, name = aws.client("glue"), uuid4().hex
    defaults = {
        "Name": name,
        "Role": glue_role(aws),
        "DatabaseName": f"db_{name}",
        "Targets": {"S3Targets": [{"Path": path}]},
    }
    glue.create_crawler(**{**defaults, **settings})
    glue.start_crawler(Name=name)

    def probe() -> dict[str, Any] | None:
        crawler: dict[str, Any] = glue.get_crawler(Name=name)["Crawler"]
        return crawler if crawler["State"] == "READY" else None

    return until(probe)
