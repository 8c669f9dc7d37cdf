"""Spark jobs of the embedded Glue: PySpark scripts run as they stand, with awsglue and its S3."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import PROJECT, LocalAws, until
from tests.integration.flight_partitions import build_partitions
from tests.integration.local_aws.glue.glue_jobs import crawled, create_glue_job, describe, ended, start

# Making the environment and starting Spark take their time.
SECONDS = 300

# A job as AWS's console writes it, with Spark's own reader and writer.
PLAIN = """
import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.transforms import *
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME", "SOURCE", "TARGET"])
context = GlueContext(SparkContext())
job = Job(context)
job.init(args["JOB_NAME"], args)
rows = context.spark_session.read.load(args["SOURCE"], format="csv", inferSchema=True, header=False)
train, validation = rows.randomSplit([0.7, 0.3], seed=1)
for part, frame in (("train", train), ("validation", validation)):
    frame.write.save(args["TARGET"] + part, format="csv", mode="overwrite")
print(args["JOB_NAME"], rows.count(), rows.dtypes[1][1])
job.commit()
"""

DYNAMIC = """
import sys

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.transforms import *
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["ROOT"])
context = GlueContext(SparkContext.getOrCreate())
flights = context.create_dynamic_frame.from_options(
    "s3", {"paths": [args["ROOT"] + "flights/"]}, format="csv", format_options={"withHeader": True})
assert {kind for _, kind in flights.toDF().dtypes} == {"string"}
mapped = ApplyMapping.apply(frame=flights, mappings=[
    ("carrier", "string", "code", "string"), ("delay", "string", "delay", "long"),
    ("gone", "string", "gone", "int")])
late = Filter.apply(frame=mapped, f=lambda row: row["delay"] > 15)
names = RenameField.apply(context.create_dynamic_frame.from_options(
    "s3", {"paths": [args["ROOT"] + "carriers.json"]}, format="json"), "carrier", "id")
joined = Join.apply(late, names, "code", "id")
shouted = Map.apply(frame=joined, f=lambda row: {**row, "name": row["name"].upper()})
kept = ResolveChoice.apply(DropFields.apply(shouted, ["id"]), specs=[("delay", "cast:int")])
context.write_dynamic_frame.from_options(
    SelectFields.apply(kept, ["name", "delay"]), "s3",
    {"path": args["ROOT"] + "late", "partitionKeys": ["name"]}, format="csv")
context.write_dynamic_frame.from_options(
    DynamicFrame.fromDF(kept.toDF(), context, "kept"), "s3", {"path": args["ROOT"] + "parquet"},
    format="parquet")
again = context.create_dynamic_frame.from_options(
    "s3", {"paths": [args["ROOT"] + "parquet"]}, format="parquet")
print("read again", again.count())
for refused in (
    lambda: context.purge_table("d", "t"),
    lambda: kept.unbox("name", "json"),
    lambda: context.create_dynamic_frame.from_options("mysql", {}),
):
    try:
        refused()
    except NotImplementedError as error:
        print("refused:", error)
"""


CATALOG = """
import sys

from awsglue.context import GlueContext
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["DATABASE", "TARGET"])
context = GlueContext(SparkContext.getOrCreate())
every = context.create_dynamic_frame.from_catalog(database=args["DATABASE"], table_name="prices")
print(every.count(), every.toDF().dtypes)
some = context.create_dynamic_frame.from_catalog(
    database=args["DATABASE"], table_name="prices", push_down_predicate="day == '2'")
some.toDF().write.format("csv").mode("append").save(args["TARGET"])
"""


@pytest.fixture
def root(local_aws: LocalAws) -> str:
    """A folder of the bucket, as a URI."""
    return f"s3://{local_aws.outputs['Bucket']}/{uuid4().hex}/"


def _put(aws: LocalAws, uri: str, text: str) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())


def _objects(aws: LocalAws, uri: str) -> Iterator[tuple[str, bytes]]:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    for item in aws.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
        body = aws.client("s3").get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
        yield item["Key"][len(prefix) :], body


def _rows(aws: LocalAws, uri: str) -> list[list[str]]:
    parts = [
        body.decode() for name, body in _objects(aws, uri) if name.rpartition("/")[2].startswith("part-")
    ]
    return [row for part in parts for row in csv.reader(io.StringIO(part))]


def _logged(aws: LocalAws, run: str, stream: str = "output") -> list[str]:
    found = aws.client("logs").get_log_events(
        logGroupName=f"/aws-glue/jobs/{stream}", logStreamName=run, startFromHead=True
    )
    return [event["message"] for event in found["events"]]


def _run(aws: LocalAws, program: str, **arguments: str) -> dict[str, Any]:
    job = create_glue_job(aws, program, "glueetl")
    return ended(aws, job, start(aws, job, **arguments), SECONDS)


@pytest.mark.heavy
def test_a_script_reads_splits_and_writes_with_plain_spark(local_aws: LocalAws, root: str) -> None:
    source = "".join(f"{number % 2},{number * 0.5},{number}\n" for number in range(2000))
    _put(local_aws, f"{root}source/rows one.csv", source)
    _put(local_aws, f"{root}out/train/left-from-before.csv", "1,2,3\n")
    run = _run(local_aws, PLAIN, SOURCE=f"{root}source/", TARGET=f"{root}out/")
    assert run["JobRunState"] == "SUCCEEDED", _logged(local_aws, run["Id"], "error")
    assert run["LogGroupName"] == "/aws-glue/jobs"
    assert f"{run['JobName']} 2000 double" in _logged(local_aws, run["Id"])
    train, validation = (_rows(local_aws, f"{root}out/{part}/") for part in ("train", "validation"))
    assert sorted(int(row[2]) for row in train + validation) == list(range(2000))
    assert 0.6 < len(train) / 2000 < 0.8
    # Overwritten, and with nothing left of what was on its way.
    names = {name for name, _ in _objects(local_aws, f"{root}out/")}
    assert not [name for name in names if "_temporary" in name or "before" in name]


@pytest.mark.heavy
def test_dynamic_frames_go_through_the_transforms(local_aws: LocalAws, root: str) -> None:
    _put(local_aws, f"{root}flights/one.csv", "carrier,delay\nAA,20\nAA,3\n")
    _put(local_aws, f"{root}flights/two.csv", 'carrier,delay\nUA,16\n"ZZ",99\n')
    names = {"AA": "American, Inc.", "UA": "United"}
    lines = [json.dumps({"carrier": code, "name": name}) for code, name in names.items()]
    _put(local_aws, f"{root}carriers.json", "\n".join(lines))
    run = _run(local_aws, DYNAMIC, ROOT=root)
    assert run["JobRunState"] == "SUCCEEDED", _logged(local_aws, run["Id"], "error")
    written = {name.rpartition("/")[0]: body for name, body in _objects(local_aws, f"{root}late/")}
    # Glue writes a header unless it is told not to.
    assert written == {"name=AMERICAN, INC.": b"delay\n20\n", "name=UNITED": b"delay\n16\n"}
    logged = _logged(local_aws, run["Id"])
    assert "read again 2" in logged
    refused = [line.rpartition("does not have ")[2] for line in logged if line.startswith("refused:")]
    assert refused == [
        "GlueContext.purge_table",
        "DynamicFrame.unbox",
        "connections of type 'mysql'; there is 's3'",
    ]


@pytest.mark.heavy
def test_a_script_reads_what_a_crawler_found(local_aws: LocalAws, root: str) -> None:
    _put(local_aws, f"{root}prices/day=1/a.csv", "Product,Price\napple,0.5\nmilk,2\n")
    _put(local_aws, f"{root}prices/day=2/b.csv", "Product,Price\nbread,4.0\n")
    database = crawled(local_aws, f"{root}prices")["DatabaseName"]
    run = _run(local_aws, CATALOG, DATABASE=database, TARGET=f"{root}out")
    assert run["JobRunState"] == "SUCCEEDED", _logged(local_aws, run["Id"], "error")
    types = [("product", "string"), ("price", "double"), ("day", "string")]
    assert f"3 {types}" in _logged(local_aws, run["Id"])
    assert _rows(local_aws, f"{root}out/") == [["bread", "4.0", "2"]]


@pytest.mark.heavy
def test_what_spark_or_glue_does_not_have_fails_the_run_with_its_words(
    local_aws: LocalAws, root: str
) -> None:
    run = _run(local_aws, PLAIN, SOURCE=f"{root}nowhere/", TARGET=f"{root}out/")
    assert run["JobRunState"] == "FAILED"
    assert f"Path does not exist: {root}nowhere" in run["ErrorMessage"]
    run = _run(local_aws, PLAIN, SOURCE=root, TARGET=root, **{"job-bookmark-option": "job-bookmark-enable"})
    assert run["ErrorMessage"].startswith("NotImplementedError: --job-bookmark-option job-bookmark-enable")
    run = _run(local_aws, PLAIN, **{"datalake-formats": "delta"})
    assert run["ErrorMessage"] == "--datalake-formats: not supported by the embedded AWS"


@pytest.mark.heavy
def test_a_run_of_spark_can_be_stopped(local_aws: LocalAws, root: str) -> None:
    program = (
        "from pyspark.context import SparkContext\nSparkContext()\nprint('up', flush=True)\nimport time\n"
    )
    job = create_glue_job(local_aws, f"{program}time.sleep(600)\n", "glueetl")
    run = start(local_aws, job)
    until(lambda: describe(local_aws, job, run)["JobRunState"] == "RUNNING" and _up(local_aws, run), SECONDS)
    local_aws.client("glue").batch_stop_job_run(JobName=job, JobRunIds=[run])
    assert ended(local_aws, job, run)["JobRunState"] == "STOPPED"


def _up(aws: LocalAws, run: str) -> bool:
    try:
        return "up" in _logged(aws, run)
    except ClientError:
        return False


@pytest.mark.heavy
def test_the_projects_own_job_writes_the_same_with_spark(
    local_aws: LocalAws, root: str, tmp_path: Path
) -> None:
    days = [f"date=2013-03-{day:02}" for day in range(4, 9)]
    partitions, bucket = build_partitions(tmp_path), local_aws.outputs["Bucket"]
    s3 = local_aws.client("s3")
    for day in days:
        for file in (partitions / day).glob("*.parquet"):
            key = f"{root.partition(bucket + '/')[2]}flights/{day}/{file.name}"
            s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
    _put(
        local_aws, f"{root}transform.sql", (PROJECT / "include/models/flight_delay/transform.sql").read_text()
    )
    program = (PROJECT / "include" / "glue" / "transform.py").read_text()
    written = {}
    for command, engine in (("pythonshell", "duckdb"), ("glueetl", "spark")):
        job = create_glue_job(local_aws, program, command)
        arguments = {
            "source": f"{root}flights",
            "sql": f"{root}transform.sql",
            "target": f"{root}{engine}",
            "start": "2013-03-05T00:00:00Z",
            "validation_start": "2013-03-07T00:00:00Z",
            "end": "2013-03-08T00:00:00Z",
            "as_of": "2013-03-08T00:00:00Z",
            "engine": engine,
        }
        run = ended(local_aws, job, start(local_aws, job, **arguments), SECONDS)
        assert run["JobRunState"] == "SUCCEEDED", run
        written[engine] = dict(_objects(local_aws, f"{root}{engine}/"))
    assert written["spark"] == written["duckdb"]
    assert {"train/part-00000.csv", "validation/part-00000.csv"} == set(written["spark"])
