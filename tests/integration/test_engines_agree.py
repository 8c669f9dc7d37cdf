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

import pytest

from include.glue import transform
from tests.integration.flight_partitions import PROJECT, build_partitions

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


@pytest.mark.parametrize("end", ENDS, ids=str)
def test_rows_and_files_are_the_same(partitions: Path, spark: Any, tmp_path: Path, end: datetime) -> None:
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

    transform.save_spark(frame, str(tmp_path))
    for split in transform.SPLITS:
        (file,) = (path for path in (tmp_path / split).iterdir() if path.suffix != ".crc")
        assert file.name.startswith("part-")
        assert file.read_bytes() == transform.to_csv(row[1:] for row in rows if row[0] == split)
    frame.unpersist()


def test_spark_reports_broken_sql_in_one_line(partitions: Path, spark: Any) -> None:
    files = [str(file) for file in (partitions / "date=2013-05-01").glob("*.parquet")]
    with pytest.raises(transform.InvalidTransform, match=r"^transform.sql failed: .*tip.*$"):
        transform.run_spark(spark, files, "flights", "SELECT tip FROM flights")
