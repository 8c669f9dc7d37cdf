"""Glue of the embedded AWS: a run is the script's process, with Glue's arguments and Glue's states."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import PROJECT, STACK_NAME, LocalAws, until
from tests.integration.local_aws.glue.glue_jobs import GLUE_ROLE, create_glue_job, describe, ended, start

CreateJob = Callable[..., str]


@pytest.fixture
def create_job(local_aws: LocalAws) -> CreateJob:
    """Creates a job that runs a program."""
    return lambda program, **settings: create_glue_job(local_aws, program, **settings)


def test_a_failing_script_gives_its_last_line_as_the_error(
    local_aws: LocalAws, create_job: CreateJob
) -> None:
    job = create_job("print('reading')\nraise ValueError('no rows in [a, b)')\n")
    run = ended(local_aws, job, start(local_aws, job))
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == "ValueError: no rows in [a, b)"


def test_a_silent_failure_gives_the_exit_code(local_aws: LocalAws, create_job: CreateJob) -> None:
    job = create_job("raise SystemExit(3)")
    run = ended(local_aws, job, start(local_aws, job))
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "Command failed with exit code 3")


def test_a_killed_script_has_failed(local_aws: LocalAws, create_job: CreateJob) -> None:
    job = create_job("import os; os.kill(os.getpid(), 9)")
    run = ended(local_aws, job, start(local_aws, job))
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "Command failed with exit code -9")


def test_a_missing_script_fails_the_run_and_is_named(local_aws: LocalAws, create_job: CreateJob) -> None:
    job = create_job("pass")
    bucket = local_aws.outputs["Bucket"]
    local_aws.client("s3").delete_object(Bucket=bucket, Key=f"scripts/{job}.py")
    run = ended(local_aws, job, start(local_aws, job))
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith(
        f"LAUNCH ERROR | Error downloading from S3 for bucket: {bucket}, key: scripts/{job}.py."
    )
    assert "Status Code: 404" in run["ErrorMessage"]


@pytest.mark.parametrize(
    "statement",
    [None, {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    ids=["no such role", "a role for another service"],
)
def test_a_run_fails_when_glue_cannot_take_its_role(
    local_aws: LocalAws, create_job: CreateJob, statement: dict[str, Any] | None
) -> None:
    name = f"role-{uuid4().hex}"
    if statement:
        trust = json.dumps({"Statement": [statement]})
        local_aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    job = create_job("pass", Role=name)
    run = ended(local_aws, job, run_id := start(local_aws, job))
    assert run["JobRunState"] == "FAILED"
    arn = f"arn:aws:iam::123456789012:role/{name}"
    assert run["ErrorMessage"] == (
        f"JobName:{job} and JobRunId:{run_id} failed to execute with exception Role {arn} "
        "should be given assume role permissions for Glue Service."
    )


def test_a_run_that_fails_is_tried_again_as_often_as_the_job_says(
    local_aws: LocalAws, create_job: CreateJob
) -> None:
    job = create_job("raise ValueError('always')", MaxRetries=2)
    first = start(local_aws, job)
    glue = local_aws.client("glue")
    until(lambda: len(glue.get_job_runs(JobName=job)["JobRuns"]) == 3)
    last = ended(local_aws, job, f"{first}_attempt_2")
    runs = glue.get_job_runs(JobName=job)["JobRuns"]
    assert [run["Id"] for run in runs] == [f"{first}_attempt_2", f"{first}_attempt_1", first]
    assert [run["Attempt"] for run in runs] == [2, 1, 0]
    assert [run.get("PreviousRunId") for run in runs] == [f"{first}_attempt_1", first, None]
    assert {run["JobRunState"] for run in runs} == {"FAILED"}
    assert last["ErrorMessage"] == "ValueError: always"


def test_a_run_that_is_stopped_is_not_tried_again(local_aws: LocalAws, create_job: CreateJob) -> None:
    job = create_job("import signal; signal.pause()", MaxRetries=1)
    run_id = start(local_aws, job)
    local_aws.client("glue").batch_stop_job_run(JobName=job, JobRunIds=[run_id])
    assert ended(local_aws, job, run_id)["JobRunState"] == "STOPPED"
    second = start(local_aws, job)
    runs = local_aws.client("glue").get_job_runs(JobName=job)["JobRuns"]
    assert [run["Id"] for run in runs] == [second, run_id]
    local_aws.client("glue").batch_stop_job_run(JobName=job, JobRunIds=[second])


@pytest.mark.heavy
def test_a_run_that_takes_longer_than_its_timeout_has_timed_out(
    local_aws: LocalAws, create_job: CreateJob
) -> None:
    job = create_job("import signal; signal.pause()", Timeout=1, MaxRetries=1)
    run = ended(local_aws, job, start(local_aws, job), seconds=90)
    assert (run["JobRunState"], run["Attempt"], run["Timeout"]) == ("TIMEOUT", 0, 1)
    assert 59 <= run["ExecutionTime"] <= 75
    assert len(local_aws.client("glue").get_job_runs(JobName=job)["JobRuns"]) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"MaxCapacity": 2.0}, "should be 0.0625 or 1"),
        ({"WorkerType": "G.1X", "NumberOfWorkers": 2}, "Worker Type is not supported"),
        ({"Timeout": 10_081}, "10080"),
        ({"MaxRetries": 11}, "from 0 to 10"),
        ({"JobRunQueuingEnabled": True}, "JobRunQueuingEnabled"),
        ({"command": "glueetl", "GlueVersion": "2.0"}, "end of life"),
        ({"command": "glueetl", "GlueVersion": "6.0"}, "runs 3.0, 4.0, 5.0, 5.1, got 6.0, which has Spark 4"),
        ({"command": "glueetl", "GlueVersion": None}, "without one, AWS takes 6.0, which has Spark 4"),
        ({"command": "glueetl", "GlueVersion": "7.0"}, "5.1, got 7.0"),
        ({"command": "glueetl", "MaxCapacity": 2.0}, "do not set Max Capacity"),
        ({"command": "glueetl", "WorkerType": "G.025X"}, "G.025X is not supported"),
        ({"command": "gluestreaming"}, "got gluestreaming"),
        ({"command": "etl"}, "not valid"),
    ],
)
def test_a_job_that_glue_refuses_is_not_created(
    local_aws: LocalAws, create_job: CreateJob, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ClientError, match=rf"InvalidInputException.*{said}"):
        create_job("pass", **settings)


def test_a_name_is_one_job(local_aws: LocalAws, create_job: CreateJob) -> None:
    glue, name = local_aws.client("glue"), create_job("pass", Timeout=5)
    with pytest.raises(ClientError, match=r"IdempotentParameterMismatchException.*different configuration"):
        create_job("pass", Name=name, Timeout=6)
    job = glue.get_job(JobName=name)["Job"]
    assert job["Timeout"] == 5
    assert (job["MaxRetries"], job["MaxCapacity"]) == (0, 0.0625)

    update = {"Role": job["Role"], "Command": job["Command"], "MaxCapacity": 1.0, "MaxRetries": 1}
    assert glue.update_job(JobName=name, JobUpdate=update)["JobName"] == name
    updated = glue.get_job(JobName=name)["Job"]
    assert (updated["Timeout"], updated["MaxCapacity"], updated["MaxRetries"]) == (2880, 1.0, 1)
    with pytest.raises(ClientError, match=r"EntityNotFoundException"):
        glue.update_job(JobName="no-such-job", JobUpdate=update)


def test_an_update_keeps_the_version_alone(local_aws: LocalAws, create_job: CreateJob) -> None:
    glue, name = local_aws.client("glue"), create_job("pass", command="glueetl", GlueVersion="4.0", Timeout=5)
    before = glue.get_job(JobName=name)["Job"]
    for _ in range(2):
        glue.update_job(JobName=name, JobUpdate={key: before[key] for key in ("Role", "Command")})
        job = glue.get_job(JobName=name)["Job"]
        assert (job["GlueVersion"], job["Timeout"], job["MaxCapacity"]) == ("4.0", 2880, 10.0)
        assert "WorkerType" not in job


def test_a_run_is_shown_with_what_it_was_given(local_aws: LocalAws, create_job: CreateJob) -> None:
    glue, job = local_aws.client("glue"), create_job("pass", MaxCapacity=1.0)
    run_id = glue.start_job_run(JobName=job, Timeout=7, MaxCapacity=0.0625)["JobRunId"]
    run = ended(local_aws, job, run_id)
    shown = {name: run[name] for name in ("Attempt", "Timeout", "MaxCapacity", "PredecessorRuns", "JobName")}
    assert shown == {"Attempt": 0, "Timeout": 7, "MaxCapacity": 0.0625, "PredecessorRuns": [], "JobName": job}
    assert run["StartedOn"] <= run["LastModifiedOn"] == run["CompletedOn"]
    assert "Arguments" not in run
    with pytest.raises(ClientError, match=r"InvalidInputException.*0\.0625 or 1"):
        glue.start_job_run(JobName=job, MaxCapacity=3.0)


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("list_crawls", {"CrawlerName": "c"}),
        ("start_trigger", {"Name": "t"}),
        ("start_workflow_run", {"Name": "w"}),
        ("create_dev_endpoint", {"EndpointName": "e", "RoleArn": GLUE_ROLE}),
        ("start_data_quality_ruleset_evaluation_run", {"RulesetNames": ["r"], "Role": "r", "DataSource": {}}),
    ],
)
def test_what_would_do_nothing_is_refused_by_name(
    local_aws: LocalAws, call: str, parameters: dict[str, Any]
) -> None:
    name = "".join(word.title() for word in call.split("_"))
    with pytest.raises(ClientError, match=f"does not support glue:{name}"):
        getattr(local_aws.client("glue"), call)(**parameters)


def test_an_unknown_job_is_not_started(local_aws: LocalAws) -> None:
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        start(local_aws, "no-such-job")


def test_one_run_more_than_allowed_is_refused_until_one_is_stopped(
    local_aws: LocalAws, create_job: CreateJob
) -> None:
    job = create_job("import signal; signal.pause()", ExecutionProperty={"MaxConcurrentRuns": 1})
    run_id = start(local_aws, job)
    with pytest.raises(ClientError, match="ConcurrentRunsExceededException"):
        start(local_aws, job)
    until(lambda: describe(local_aws, job, run_id)["JobRunState"] == "RUNNING")

    answer = local_aws.client("glue").batch_stop_job_run(JobName=job, JobRunIds=[run_id, "jr_unknown"])

    assert [stopped["JobRunId"] for stopped in answer["SuccessfulSubmissions"]] == [run_id]
    assert [error["JobRunId"] for error in answer["Errors"]] == ["jr_unknown"]
    assert ended(local_aws, job, run_id)["JobRunState"] == "STOPPED"
    second = start(local_aws, job)
    local_aws.client("glue").batch_stop_job_run(JobName=job, JobRunIds=[second])
    assert ended(local_aws, job, second)["JobRunState"] == "STOPPED"


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
    run_id = start(local_aws, job, mode="mine")
    run = ended(local_aws, job, run_id)
    assert run["JobRunState"] == "SUCCEEDED", run
    assert "ErrorMessage" not in run
    answer = json.loads(local_aws.client("s3").get_object(Bucket=bucket, Key="answer")["Body"].read())
    words = answer["argv"]
    arguments = dict(zip(words[::2], words[1::2], strict=True))
    assert arguments == {"--engine": "duckdb", "--mode": "mine"}
    assert run["Arguments"] == {"--mode": "mine"}
    assert answer["environment"]["AWS_ENDPOINT_URL"] == local_aws.endpoint_url
    assert str(PROJECT) not in answer["environment"]["PYTHONPATH"].split(":")


def test_the_output_of_a_run_is_kept_where_a_person_finds_it(
    local_aws: LocalAws, create_job: CreateJob
) -> None:
    job = create_job("print('hello from the script')")
    run_id = start(local_aws, job)
    ended(local_aws, job, run_id)
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


def test_a_script_imports_what_its_job_brings(local_aws: LocalAws, create_job: CreateJob) -> None:
    bucket, s3 = local_aws.outputs["Bucket"], local_aws.client("s3")
    folder = f"s3://{bucket}/libraries"
    s3.put_object(Bucket=bucket, Key="libraries/own.py", Body=b"VALUE = 1")
    for name, module in (("pack.zip", "packed.py"), ("wheel-1.0-py3-none-any.whl", "wheeled/__init__.py")):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr(module, "VALUE = 2")
        s3.put_object(Bucket=bucket, Key=f"libraries/{name}", Body=archive.getvalue())
    job = create_job(
        "import sys\nimport duckdb, own, packed, wheeled\nfrom awsglue.utils import getResolvedOptions\n"
        "args = getResolvedOptions(sys.argv, ['day', 'TempDir'])\n"
        "assert (args['day'], args['TempDir']) == ('2013-05-01', None), args\n"
        "assert args['job_bookmark_option'] == 'job-bookmark-disable', args\n"
        "getResolvedOptions(sys.argv, ['night'])\n",
        DefaultArguments={
            "--extra-py-files": f"{folder}/own.py, {folder}/pack.zip,{folder}/wheel-1.0-py3-none-any.whl",
            # What the template's job asks for is there already, so that this needs no network.
            "--additional-python-modules": "duckdb==1.4.3",
        },
    )
    run = ended(local_aws, job, start(local_aws, job, day="2013-05-01"))
    assert (
        run["ErrorMessage"]
        == "awsglue.utils.GlueArgumentError: the following arguments are required: --night"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"extra-py-files": "s3://nobody/lib.zip"}, r"LAUNCH ERROR \| .* bucket: nobody, key: lib.zip\."),
        ({"job-language": "scala"}, "--job-language: the embedded AWS runs python, got scala"),
        (
            {
                "additional-python-modules": "a-package-that-nobody-has==1",
                "python-modules-installer-option": "--no-index",
            },
            r"--additional-python-modules: ERROR: No matching distribution found for a-package-that-",
        ),
    ],
)
def test_what_a_job_needs_and_cannot_have_fails_its_run(
    local_aws: LocalAws, create_job: CreateJob, arguments: dict[str, str], said: str
) -> None:
    job = create_job("pass")
    run = ended(local_aws, job, start(local_aws, job, **arguments))
    assert run["JobRunState"] == "FAILED"
    assert re.match(said, run["ErrorMessage"]), run["ErrorMessage"]
