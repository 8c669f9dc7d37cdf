"""The Amazon provider's operators and sensor for Glue: they do it, fail, or are refused; none hangs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from airflow.providers.amazon.aws.operators.glue_crawler import GlueCrawlerOperator
from airflow.providers.amazon.aws.sensors.glue import GlueJobSensor
from airflow.providers.amazon.aws.sensors.glue_catalog_partition import GlueCatalogPartitionSensor
from airflow.providers.amazon.aws.sensors.glue_crawler import GlueCrawlerSensor
from airflow.providers.common.compat.sdk import AirflowException, TaskDeferred
from botocore.exceptions import ClientError

from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.embedded_aws import LocalAws
from tests.integration.local_aws.glue.glue_jobs import create_glue_job, describe, ended, glue_role, start


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws) -> None:
    connect(monkeypatch, local_aws)


def _operator(aws: LocalAws, script: Path, **settings: Any) -> GlueJobOperator:
    name, bucket = f"provider-{uuid4().hex}", aws.outputs["Bucket"]
    uploaded = f"s3://{bucket}/artifacts/glue-scripts/{script.name}"
    shell = {"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": uploaded}
    defaults: dict[str, Any] = {
        "task_id": "etl",
        "job_name": name,
        "script_location": str(script),
        "replace_script_file": True,
        "s3_bucket": bucket,
        "iam_role_name": glue_role(aws).rpartition("/")[2],
        "num_of_dpus": 1,
        "create_job_kwargs": {"Command": shell},
        "job_poll_interval": 0.1,
        "durable": False,
        "aws_conn_id": CONN_ID,
    }
    return GlueJobOperator(**{**defaults, **settings})


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / f"{uuid4().hex}.py"
    path.write_text("import sys\nassert '--day' in sys.argv, 'no day'\n")
    return path


def test_a_job_is_created_run_updated_and_run_again(local_aws: LocalAws, script: Path) -> None:
    operator = _operator(local_aws, script, script_args={"--day": "2013-05-01"}, retry_limit=1)
    run = operator.execute(FakeContext("one"))  # type: ignore[arg-type]
    assert describe(local_aws, operator.job_name, str(run))["JobRunState"] == "SUCCEEDED"
    again = _operator(
        local_aws, script, script_args={"--day": "2"}, job_name=operator.job_name, update_config=True
    )
    again.execute(FakeContext("two"))  # type: ignore[arg-type]
    job = local_aws.client("glue").get_job(JobName=operator.job_name)["Job"]
    assert job["MaxRetries"] == 0
    assert len(local_aws.client("glue").get_job_runs(JobName=operator.job_name)["JobRuns"]) == 2


def test_a_failing_run_fails_the_task(local_aws: LocalAws, script: Path) -> None:
    with pytest.raises(AirflowException, match="FAILED"):
        _operator(local_aws, script).execute(FakeContext("failing"))  # type: ignore[arg-type]


def test_what_glue_refuses_fails_the_task(local_aws: LocalAws, script: Path) -> None:
    with pytest.raises(ClientError, match=r"InvalidInputException.*should be 0.0625 or 1"):
        _operator(local_aws, script, num_of_dpus=10).execute(FakeContext("refused"))  # type: ignore[arg-type]


def test_a_deferred_wait_ends_with_the_run(local_aws: LocalAws, script: Path) -> None:
    operator = _operator(
        local_aws, script, script_args={"--day": "1"}, deferrable=True, waiter_delay=1, waiter_max_attempts=60
    )
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(FakeContext("deferred"))  # type: ignore[arg-type]

    async def first_event() -> Any:
        return await anext(aiter(deferred.value.trigger.run()))

    payload = asyncio.run(first_event()).payload
    assert payload["status"] == "success"
    assert operator.execute_complete(FakeContext("deferred"), payload)  # type: ignore[arg-type]


def test_the_sensor_sees_success_and_failure(local_aws: LocalAws) -> None:
    for program, succeeds in (("pass", True), ("raise SystemExit(1)", False)):
        job = create_glue_job(local_aws, program)
        run = start(local_aws, job)
        ended(local_aws, job, run)
        sensor = GlueJobSensor(task_id="wait", job_name=job, run_id=run, aws_conn_id=CONN_ID, verbose=True)
        if succeeds:
            assert sensor.poke(FakeContext("sensor"))  # type: ignore[arg-type]
        else:
            with pytest.raises(AirflowException):
                sensor.poke(FakeContext("sensor"))  # type: ignore[arg-type]


def test_a_crawler_crawls_and_its_partition_is_seen(local_aws: LocalAws) -> None:
    bucket, name = local_aws.outputs["Bucket"], uuid4().hex
    key = f"{name}/input/category=mixed/input.csv"
    local_aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"product,value\napple,0.5\n")
    config: dict[str, Any] = {
        "Name": f"crawler-{name}",
        "Role": glue_role(local_aws),
        "DatabaseName": f"db_{name}",
        "Targets": {"S3Targets": [{"Path": f"{bucket}/{name}/input"}]},
    }
    for description in ("first", "second"):
        crawl = GlueCrawlerOperator(
            task_id="crawl",
            config={**config, "Description": description},
            poll_interval=1,
            aws_conn_id=CONN_ID,
        )
        assert crawl.execute(FakeContext(description)) == config["Name"]  # type: ignore[arg-type]
    assert GlueCrawlerSensor(task_id="wait", crawler_name=config["Name"], aws_conn_id=CONN_ID).poke(
        FakeContext("sensor")  # type: ignore[arg-type]
    )
    assert GlueCatalogPartitionSensor(
        task_id="see",
        table_name="input",
        database_name=config["DatabaseName"],
        expression="category='mixed'",
        aws_conn_id=CONN_ID,
    ).poke(FakeContext("partition"))  # type: ignore[arg-type]
