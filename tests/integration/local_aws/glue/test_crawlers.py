"""Crawlers of the embedded Glue: they put what is in S3 into the Data Catalog, or say why they do not."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import duckdb
import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.local_aws.glue.glue_jobs import crawled


@pytest.fixture
def folder(local_aws: LocalAws) -> str:
    """A folder of the bucket."""
    return f"{uuid4().hex}/Sales-2013"


def _put(aws: LocalAws, key: str, body: str | bytes) -> str:
    bucket = aws.outputs["Bucket"]
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    return f"s3://{bucket}/{key.partition('/')[0]}/Sales-2013"


def _columns(table: dict[str, Any]) -> list[tuple[str, str]]:
    return [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]]


def test_a_folder_of_partitions_becomes_a_table(local_aws: LocalAws, folder: str) -> None:
    glue = local_aws.client("glue")
    for day in ("1", "2"):
        path = _put(local_aws, f"{folder}/day={day}/rows.csv", f"Carrier;Delay;At\nAA;{day};2013-05-01\n")
    crawler = crawled(local_aws, path, TablePrefix="raw_")
    assert crawler["LastCrawl"]["Status"] == "SUCCEEDED"
    database = crawler["DatabaseName"]
    table = glue.get_table(DatabaseName=database, Name="raw_sales_2013")["Table"]
    assert _columns(table) == [("carrier", "string"), ("delay", "bigint"), ("at", "string")]
    assert [(key["Name"], key["Type"]) for key in table["PartitionKeys"]] == [("day", "string")]
    assert table["Parameters"]["classification"] == "csv"
    assert table["Parameters"]["skip.header.line.count"] == "1"
    assert table["StorageDescriptor"]["Location"] == f"{path}/"
    found = glue.get_partitions(DatabaseName=database, TableName="raw_sales_2013", Expression="day = '2'")
    (partition,) = found["Partitions"]
    assert partition["StorageDescriptor"]["Location"] == f"{path}/day=2/"

    # Again, with one more.
    _put(local_aws, f"{folder}/day=3/rows.csv", "Carrier;Delay;At\nAA;3;2013-05-01\n")
    glue.start_crawler(Name=crawler["Name"])
    name = {"DatabaseName": database, "TableName": "raw_sales_2013"}
    until(lambda: len(glue.get_partitions(**name)["Partitions"]) == 3)
    metrics = glue.get_crawler_metrics(CrawlerNameList=[crawler["Name"]])["CrawlerMetricsList"][0]
    assert [metrics[f"Tables{what}"] for what in ("Created", "Updated", "Deleted")] == [1, 0, 0]


def test_parquet_keeps_its_types(local_aws: LocalAws, folder: str, tmp_path: Any) -> None:
    file = tmp_path / "rows.parquet"
    columns = "1::INTEGER AS whole, 1.5::DECIMAL(9, 2) AS price, DATE '2013-05-01' AS day, 'a' AS name"
    duckdb.execute(f"COPY (SELECT {columns}) TO '{file}'")
    path = _put(local_aws, f"{folder}/rows.parquet", file.read_bytes())
    database = crawled(local_aws, path)["DatabaseName"]
    table = local_aws.client("glue").get_table(DatabaseName=database, Name="sales_2013")["Table"]
    expected = [("whole", "int"), ("price", "decimal(9,2)"), ("day", "date"), ("name", "string")]
    assert _columns(table) == expected
    assert table["PartitionKeys"] == []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"2013/rows.csv": "a,b\n1,2\n"}, "folders named name=value, found 2013"),
        ({"rows.csv": "a,b\n1,2\n", "rows.json": '{"a": 1}'}, "found several formats"),
        ({"rows.json": '{"a": {"b": 1}}'}, "column a: .* columns of one value"),
        ({"rows.xml": "<a/>"}, "crawls csv, json, parquet, found xml"),
    ],
)
def test_what_is_no_such_table_fails_the_crawl(
    local_aws: LocalAws, folder: str, files: dict[str, str], said: str
) -> None:
    for name, text in files.items():
        path = _put(local_aws, f"{folder}/{name}", text)
    last = crawled(local_aws, path)["LastCrawl"]
    assert last["Status"] == "FAILED"
    assert re.search(said, last["ErrorMessage"]), last


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"Role": "nobody"}, "Service is unable to assume provided role"),
        ({"Schedule": "cron(0 * * * ? *)"}, "Schedule: not supported"),
        ({"Targets": {"DynamoDBTargets": [{"Path": "t"}]}}, "crawls S3Targets"),
    ],
)
def test_what_cannot_be_crawled_is_refused(local_aws: LocalAws, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=rf"InvalidInputException.*{said}"):
        crawled(local_aws, "s3://bucket/folder", **settings)


def test_a_crawler_that_does_not_run_cannot_be_stopped(local_aws: LocalAws, folder: str) -> None:
    name = crawled(local_aws, _put(local_aws, f"{folder}/rows.csv", "a,b\n1,2\n"))["Name"]
    with pytest.raises(ClientError, match="CrawlerNotRunningException"):
        local_aws.client("glue").stop_crawler(Name=name)
    local_aws.client("glue").delete_crawler(Name=name)
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        local_aws.client("glue").start_crawler(Name=name)
