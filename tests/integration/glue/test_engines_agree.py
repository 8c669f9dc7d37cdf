"""DuckDB and Spark have to give the same rows, in the same order, from one transform.sql and real flights."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from include.glue import transform
from tests.integration.flight_partitions import PROJECT, build_partitions
from tests.unit.glue.test_transform_job import FakeS3

SQL = (PROJECT / "include/models/flight_delay/transform.sql").read_text()
# Each ends off midnight: across both changes of daylight saving, and at the year's last landings.
ENDS = [datetime(2013, 3, 20, 5), datetime(2013, 11, 6, 17), datetime(2014, 1, 1, 9)]


@pytest.fixture(scope="module")
def partitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_partitions(tmp_path_factory.mktemp("flights"))


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("Spark's half needs pyspark (requirements-dev.txt)")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark's half needs Java: there is no java on PATH and no JAVA_HOME")
    from pyspark.sql import SparkSession

    # It says goodbye when the interpreter ends, to a stream that pytest has closed by then.
    logging.getLogger("py4j").setLevel(logging.WARNING)
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(tmp_path_factory.mktemp("spark")),
        # Far from UTC: the rows may not depend on the session's time zone.
        "spark.sql.session.timeZone": "Asia/Kathmandu",
    }
    session = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    yield session
    session.stop()


@pytest.mark.parametrize(
    "end", [ENDS[0], *(pytest.param(end, marks=pytest.mark.heavy) for end in ENDS[1:])], ids=str
)
def test_rows_are_the_same(partitions: Path, spark: Any, end: datetime) -> None:
    window = transform.Window(end - timedelta(days=28), end - timedelta(days=7), end)
    files = [str(file) for day in window.partitions for file in (partitions / day).glob("*.parquet")]
    sql = transform.render(SQL, window, window.end)

    columns, rows = transform.run_duckdb(files, "flights", sql)
    frame = transform.run_spark(spark, files, "flights", sql).cache()

    assert len(rows) > 20_000
    assert frame.columns == columns
    spark_rows = [tuple(row) for row in frame.collect()]
    assert spark_rows == rows
    assert {type(cell) for row in rows + spark_rows for cell in row[1:]} == {int}
    frame.unpersist()


def test_jobs_write_the_same_files_with_the_same_rights(
    partitions: Path, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark has no filesystem for S3 here: what it writes has to go the way that DuckDB's goes."""
    end, written = datetime(2013, 3, 20, 5), {}
    window = transform.Window(end - timedelta(days=4), end - timedelta(days=1), end)
    run_spark = transform.run_spark

    def run_on_disk(spark: Any, files: list[str], table: str, sql: str) -> Any:
        return run_spark(
            spark, [name.replace("s3://lake/data/flights", str(partitions)) for name in files], table, sql
        )

    monkeypatch.setattr(transform, "run_spark", run_on_disk)
    for engine in ("duckdb", "spark"):
        s3 = FakeS3()
        s3.objects["workflow/transform.sql"] = SQL.encode()
        for day in window.partitions:
            for file in (partitions / day).glob("*.parquet"):
                s3.objects[f"data/flights/{day}/{file.name}"] = file.read_bytes()
        monkeypatch.setattr(boto3, "client", lambda _, s3=s3: s3)
        times = {
            name: f"{getattr(window, name).isoformat()}Z" for name in ("start", "validation_start", "end")
        }
        arguments = {
            "source": "s3://lake/data/flights",
            "sql": "s3://lake/workflow/transform.sql",
            "target": "s3://lake/runs/one",
            **times,
            "as_of": times["end"],
            "engine": engine,
        }
        transform.main([word for name, value in arguments.items() for word in (f"--{name}", value)])
        written[engine] = {key: body for key, body in s3.objects.items() if key.startswith("runs/")}
    assert set(written["spark"]) == {f"runs/one/{split}/part-00000.csv" for split in transform.SPLITS}
    assert written["spark"] == written["duckdb"]


def test_spark_reports_broken_sql_in_one_line(partitions: Path, spark: Any) -> None:
    files = [str(file) for file in (partitions / "date=2013-05-01").glob("*.parquet")]
    with pytest.raises(transform.InvalidTransform, match=r"^transform.sql failed: .*tip.*$"):
        transform.run_spark(spark, files, "flights", "SELECT tip FROM flights")
