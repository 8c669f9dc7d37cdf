"""Glue of the embedded AWS: a run is the script's process, with Glue's arguments and Glue's states."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import PROJECT, STACK_NAME, LocalAws, until

PENDING = ("STARTING", "RUNNING", "STOPPING")

CreateJob = Callable[..., str]


@pytest.fixture
def create_job(local_aws: LocalAws) -> CreateJob:
    """Creates a job that runs a program."""

    def create(program: str, **settings: Any) -> str:
        name, bucket = f"job-{uuid4().hex}", local_aws.outputs["Bucket"]
        local_aws.client("s3").put_object(Bucket=bucket, Key=f"scripts/{name}.py", Body=program.encode())
        local_aws.client("glue").create_job(
            Name=name,
            Role="arn:aws:iam::123456789012:role/glue",
            Command={"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/scripts/{name}.py"},
            **settings,
        )
        return name

    return create


def _start(aws: LocalAws, job: str, **arguments: str) -> str:
    flags = {f"--{name}": value for name, value in arguments.items()}
    run_id: str = aws.client("glue").start_job_run(JobName=job, Arguments=flags)["JobRunId"]
    return run_id


def _describe(aws: LocalAws, job: str, run_id: str) -> dict[str, Any]:
    run: dict[str, Any] = aws.client("glue").get_job_run(JobName=job, RunId=run_id)["JobRun"]
    return run


def _ended(aws: LocalAws, job: str, run_id: str) -> dict[str, Any]:
    def probe() -> dict[str, Any] | None:
        run = _describe(aws, job, run_id)
        return None if run["JobRunState"] in PENDING else run

    return until(probe)


def test_a_failing_script_gives_its_last_line_as_the_error(
    local_aws: LocalAws, create_job: CreateJob
) -> None:
    job = create_job("print('reading')\nraise ValueError('no rows in [a, b)')\n")
    run = _ended(local_aws, job, _start(local_aws, job))
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == "ValueError: no rows in [a, b)"


def test_a_silent_failure_gives_the_exit_code(local_aws: LocalAws, create_job: CreateJob) -> None:
    job = create_job("raise SystemExit(3)")
    run = _ended(local_aws, job, _start(local_aws, job))
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "Command failed with exit code 3")


def test_a_killed_script_has_failed(local_aws: LocalAws, create_job: CreateJob) -> None:
    job = create_job("import os; os.kill(os.getpid(), 9)")
    run = _ended(local_aws, job, _start(local_aws, job))
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "Command failed with exit code -9")


def test_a_missing_script_fails_the_run_and_is_named(local_aws: LocalAws, create_job: CreateJob) -> None:
    job = create_job("pass")
    bucket = local_aws.outputs["Bucket"]
    local_aws.client("s3").delete_object(Bucket=bucket, Key=f"scripts/{job}.py")
    run = _ended(local_aws, job, _start(local_aws, job))
    assert run["JobRunState"] == "FAILED"
    assert f"s3://{bucket}/scripts/{job}.py" in run["ErrorMessage"]


def test_an_unknown_job_is_not_started(local_aws: LocalAws) -> None:
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        _start(local_aws, "no-such-job")


def test_one_run_more_than_allowed_is_refused_until_one_is_stopped(
    local_aws: LocalAws, create_job: CreateJob
) -> None:
    job = create_job("import signal; signal.pause()", ExecutionProperty={"MaxConcurrentRuns": 1})
    run_id = _start(local_aws, job)
    with pytest.raises(ClientError, match="ConcurrentRunsExceededException"):
        _start(local_aws, job)
    until(lambda: _describe(local_aws, job, run_id)["JobRunState"] == "RUNNING")

    answer = local_aws.client("glue").batch_stop_job_run(JobName=job, JobRunIds=[run_id, "jr_unknown"])

    assert [stopped["JobRunId"] for stopped in answer["SuccessfulSubmissions"]] == [run_id]
    assert [error["JobRunId"] for error in answer["Errors"]] == ["jr_unknown"]
    assert _ended(local_aws, job, run_id)["JobRunState"] == "STOPPED"
    second = _start(local_aws, job)
    local_aws.client("glue").batch_stop_job_run(JobName=job, JobRunIds=[second])
    assert _ended(local_aws, job, second)["JobRunState"] == "STOPPED"


def test_a_script_gets_the_arguments_as_glue_merges_them_and_no_other_aws(
    local_aws: LocalAws, create_job: CreateJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = local_aws.outputs["Bucket"]
    job = create_job(
        "import boto3, json, os, sys\n"
        "answer = {'argv': sys.argv[1:], 'environment': dict(os.environ)}\n"
        f"boto3.client('s3').put_object(Bucket={bucket!r}, Key='answer', Body=json.dumps(answer).encode())\n",
        DefaultArguments={"--engine": "duckdb", "--mode": "default"},
    )
    run_id = _start(local_aws, job, mode="mine")
    run = _ended(local_aws, job, run_id)
    assert run["JobRunState"] == "SUCCEEDED", run
    assert "ErrorMessage" not in run
    answer = json.loads(local_aws.client("s3").get_object(Bucket=bucket, Key="answer")["Body"].read())
    words = answer["argv"]
    arguments = dict(zip(words[::2], words[1::2], strict=True))
    assert arguments == {
        "--engine": "duckdb",
        "--mode": "mine",
        "--JOB_NAME": job,
        "--JOB_RUN_ID": run_id,
    }
    assert answer["environment"]["AWS_ENDPOINT_URL"] == local_aws.endpoint_url
    assert "PYTHONPATH" not in answer["environment"]


def test_the_output_of_a_run_is_kept_where_a_person_finds_it(
    local_aws: LocalAws, create_job: CreateJob
) -> None:
    job = create_job("print('hello from the script')")
    run_id = _start(local_aws, job)
    _ended(local_aws, job, run_id)
    log = local_aws.state_dir / "logs" / "glue" / f"{job}-{run_id}.log"
    assert log.read_text() == "hello from the script\n"


def test_the_job_of_the_template_takes_duckdb_in_a_python_shell(local_aws: LocalAws) -> None:
    job = local_aws.client("glue").get_job(JobName=local_aws.outputs["GlueJobName"])["Job"]
    assert job["Command"]["Name"] == "pythonshell"
    assert job["DefaultArguments"]["--engine"] == "duckdb"
    assert job["ExecutionProperty"]["MaxConcurrentRuns"] > 1


def test_the_template_makes_a_spark_job_too(local_aws: LocalAws) -> None:
    client = local_aws.client("cloudformation")
    given = client.describe_stacks(StackName=STACK_NAME)["Stacks"][0]["Parameters"]
    parameters = {**{item["ParameterKey"]: item["ParameterValue"] for item in given}, "GlueEngine": "spark"}
    client.create_stack(
        StackName="on-spark",
        TemplateBody=(PROJECT / "include" / "cloudformation" / "template.yaml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    outputs = client.describe_stacks(StackName="on-spark")["Stacks"][0]["Outputs"]
    name = next(item["OutputValue"] for item in outputs if item["OutputKey"] == "GlueJobName")
    job = local_aws.client("glue").get_job(JobName=name)["Job"]
    assert (job["Command"]["Name"], job["GlueVersion"], job["WorkerType"]) == ("glueetl", "5.1", "G.1X")
    assert job["DefaultArguments"]["--engine"] == "spark"
    assert "--additional-python-modules" not in job["DefaultArguments"]
