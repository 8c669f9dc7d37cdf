"""CloudWatch Logs of the embedded AWS: jobs write under AWS's names, and what reads there reads them here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from airflow.providers.amazon.aws.hooks.sagemaker import LogState, SageMakerHook
from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator
from botocore.exceptions import ClientError

from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.local_aws.glue.glue_jobs import glue_role
from tests.integration.sagemaker_requests import trained, training_request

TRAININGS = "/aws/sagemaker/TrainingJobs"
SHELL = "/aws-glue/python-jobs"


@pytest.fixture
def group(local_aws: LocalAws) -> str:
    """A log group with two streams, a and b, of three events each, taking turns."""
    name, logs, now = f"group-{uuid4().hex}", local_aws.client("logs"), int(time.time() * 1000)
    logs.create_log_group(logGroupName=name)
    for stream, late in (("a", 0), ("b", 1)):
        logs.create_log_stream(logGroupName=name, logStreamName=stream)
        events = [{"timestamp": now + 2 * n + late, "message": f"{stream}{n} WARN at"} for n in range(3)]
        logs.put_log_events(logGroupName=name, logStreamName=stream, logEvents=events)
    return name


def _refused(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def _messages(aws: LocalAws, group: str, **request: Any) -> list[str]:
    found = aws.client("logs").filter_log_events(logGroupName=group, **request)
    return [event["message"].split()[0] for event in found["events"]]


def test_what_is_not_there_is_said_to_be_so(local_aws: LocalAws, group: str) -> None:
    # LocalStack's test_logs_events and test_logs_filter_events recorded these answers of AWS.
    logs = local_aws.client("logs")
    no_group = "ResourceNotFoundException: The specified log group does not exist."
    no_stream = "ResourceNotFoundException: The specified log stream does not exist."
    misplaced = "InvalidParameterException: The specified nextToken is invalid."
    here, there = {"logGroupName": group}, {"logGroupName": "elsewhere"}
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}-not"
    assert _refused(logs.get_log_events, logStreamName="a", **there) == no_group
    assert _refused(logs.get_log_events, logStreamName="a", logGroupIdentifier=arn) == no_group
    assert _refused(logs.get_log_events, logStreamName="c", **here) == no_stream
    assert _refused(logs.get_log_events, logStreamName="a", nextToken="x", **here) == misplaced
    assert _refused(logs.filter_log_events, **there) == no_group
    assert _refused(logs.filter_log_events, logStreamNames=["a", "c"], **here) == no_stream
    assert _refused(logs.filter_log_events, nextToken="unknown", **here) == misplaced


def test_what_has_no_effect_here_is_refused_by_name(local_aws: LocalAws, group: str) -> None:
    logs = local_aws.client("logs")
    here = {"logGroupName": group}
    assert "StartQuery" in _refused(logs.start_query, startTime=0, endTime=1, queryString="stats", **here)
    transformation = [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]
    assert "PutMetricFilter" in _refused(
        logs.put_metric_filter,
        filterName="f",
        filterPattern="",
        metricTransformations=transformation,
        **here,
    )
    assert "filterPattern" in _refused(logs.filter_log_events, filterPattern='{ $.a = "b" }', **here)


def test_events_are_filtered_by_stream_time_and_words(local_aws: LocalAws, group: str) -> None:
    assert _messages(local_aws, group) == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert _messages(local_aws, group, logStreamNamePrefix="b") == ["b0", "b1", "b2"]
    assert _messages(local_aws, group, filterPattern="WARN -a1 -b0") == ["a0", "b1", "a2", "b2"]
    assert _messages(local_aws, group, filterPattern="?a0 ?b2") == ["a0", "b2"]
    assert _messages(local_aws, group, filterPattern='"a1 WARN at"') == ["a1"]
    assert _messages(local_aws, group, filterPattern="WARN ERROR") == []


def test_pages_go_on_where_the_last_one_ended(local_aws: LocalAws, group: str) -> None:
    pages = local_aws.client("logs").get_paginator("filter_log_events")
    read = pages.paginate(logGroupName=group, PaginationConfig={"PageSize": 4})
    found = [[event["message"][:2] for event in page["events"]] for page in read]
    assert found == [["a0", "b0", "a1", "b1"], ["a2", "b2"]]


def test_the_forward_token_stays_the_same_at_the_end_and_then_gives_what_is_new(
    local_aws: LocalAws, group: str
) -> None:
    logs, stream = local_aws.client("logs"), {"logGroupName": group, "logStreamName": "a"}
    first = logs.get_log_events(startFromHead=True, limit=2, **stream)
    rest = logs.get_log_events(nextToken=first["nextForwardToken"], **stream)
    end = logs.get_log_events(nextToken=rest["nextForwardToken"], **stream)
    assert [len(page["events"]) for page in (first, rest, end)] == [2, 1, 0]
    assert end["nextForwardToken"] == rest["nextForwardToken"]
    new = [{"timestamp": int(time.time() * 1000) + 60_000, "message": "new"}]
    logs.put_log_events(logEvents=new, **stream)
    (event,) = logs.get_log_events(nextToken=end["nextForwardToken"], **stream)["events"]
    assert event["message"] == "new"


def test_a_glue_run_writes_while_it_runs_and_verbose_prints_it(
    local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(monkeypatch, local_aws)
    name, bucket = f"job-{uuid4().hex}", local_aws.outputs["Bucket"]
    s3, logs = local_aws.client("s3"), local_aws.client("logs")
    wait = (
        f"while 'Contents' not in boto3.client('s3').list_objects_v2(Bucket='{bucket}', Prefix='{name}.go'):"
    )
    program = (
        "import sys, time, boto3\nprint('rows read')\nprint('beware', file=sys.stderr, flush=True)\n"
        f"{wait}\n    time.sleep(0.1)\n"
    )
    s3.put_object(Bucket=bucket, Key=f"scripts/{name}.py", Body=program.encode())
    local_aws.client("glue").create_job(
        Name=name,
        Role=glue_role(local_aws),
        ExecutionProperty={"MaxConcurrentRuns": 2},
        Command={"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/scripts/{name}.py"},
    )
    run = local_aws.client("glue").start_job_run(JobName=name)["JobRunId"]

    def read(group: str) -> list[str]:
        try:
            found = logs.filter_log_events(logGroupName=f"{SHELL}/{group}", logStreamNames=[run])
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in found["events"]]

    until(lambda: read("output") == ["rows read"] and read("error") == ["beware"])
    described = local_aws.client("glue").get_job_run(JobName=name, RunId=run)["JobRun"]
    assert described["JobRunState"] == "RUNNING"
    assert described["LogGroupName"] == SHELL
    s3.put_object(Bucket=bucket, Key=f"{name}.go")
    operator = GlueJobOperator(
        task_id="etl",
        job_name=name,
        aws_conn_id=CONN_ID,
        verbose=True,
        durable=False,
        job_poll_interval=0.1,
        script_location=f"s3://{bucket}/scripts/{name}.py",
        iam_role_arn=glue_role(local_aws),
        create_job_kwargs={
            "Command": {"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/scripts/{name}.py"}
        },
    )
    operator.execute(FakeContext("verbose"))  # type: ignore[arg-type]
    printed = capsys.readouterr().out
    assert "rows read" in printed
    assert "beware" in printed


def test_a_training_job_writes_under_its_name_and_the_log_is_printed(
    local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(monkeypatch, local_aws)
    request = training_request(local_aws)
    name = request["TrainingJobName"]
    local_aws.client("sagemaker").create_training_job(**request)
    job = trained(local_aws, name)
    hook = SageMakerHook(aws_conn_id=CONN_ID)  # type: ignore[no-untyped-call]
    hook.describe_training_job_with_log(name, {}, [], 1, LogState.COMPLETE, job, 0)
    (stream,) = local_aws.client("logs").describe_log_streams(
        logGroupName=TRAININGS, logStreamNamePrefix=f"{name}/"
    )["logStreams"]
    assert stream["logStreamName"].startswith(f"{name}/algo-1-")
    written = (local_aws.state_dir / "logs" / "training" / f"{name}.log").read_text().split("\n")
    lines = [line for line in written if line]
    read = AwsLogsHook(aws_conn_id=CONN_ID).get_log_events(TRAININGS, stream["logStreamName"])
    assert [event["message"] for event in read] == lines
    printed = capsys.readouterr().out
    assert all(line in printed for line in lines)


@pytest.mark.heavy
def test_the_training_operator_prints_the_log(
    local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The provider describes the job every 30 seconds.
    connect(monkeypatch, local_aws)
    operator = SageMakerTrainingOperator(
        task_id="train",
        config=training_request(local_aws),
        aws_conn_id=CONN_ID,
        print_log=True,
        check_interval=1,
    )
    operator.execute(FakeContext("print_log"))  # type: ignore[arg-type]
    assert "validation-error" in capsys.readouterr().out
