"""
The Glue job: runs a model's transform.sql over one window and writes training and validation files.

Glue ships one script, so all of it is here: a Python shell job (DuckDB, on Python 3.9) or a Spark job.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import boto3

SPLITS = ("train", "validation")

# "General purpose bucket naming rules" and "Naming Amazon S3 objects" (S3 user guide); of a key's characters
# the safe ones, and the "=" of partitions.
_S3_URI = re.compile(
    r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([\w!.*'()=-]+(?:/[\w!.*'()=-]+)*)/?", re.ASCII
)
_PLACEHOLDER = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
# Says why a run failed; Airflow reads it (retraining.execution.causes).
FAILURE = "failure.txt"
# An as_of that lets in whatever was received.
EVER_RECEIVED = datetime(9999, 12, 31)
_BEGAN = time.monotonic()


class InvalidArgument(ValueError):
    """A job argument is missing or not what it has to be."""


class InvalidTransform(ValueError):
    """transform.sql does not keep to its contract."""


class EmptyWindow(RuntimeError):
    """The window gives no rows to train on, or none to validate with."""


@dataclass(frozen=True)
class Window:
    """
    Half-open, [start, end), of which [validation_start, end) validates; all three in UTC, without zone.

    :raises InvalidArgument: they are not in this order
    """

    start: datetime
    validation_start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if not self.start < self.validation_start < self.end:
            raise InvalidArgument(
                f"--validation_start is {self.validation_start.isoformat()}Z; allowed is a time inside {self}"
            )

    def __str__(self) -> str:
        return _span(self.start, self.end)

    @property
    def partitions(self) -> list[str]:
        """Names of the daily partitions that the window touches."""
        first, last = self.start.date(), (self.end - timedelta(microseconds=1)).date()
        return [f"date={first + timedelta(days=day)}" for day in range((last - first).days + 1)]


class Location(NamedTuple):
    """A bucket, and a key without a slash at its end."""

    bucket: str
    key: str


class Job(NamedTuple):
    """The job's arguments, checked; the last part of ``source`` names the table that transform.sql reads.

    Rows that were received from ``as_of`` on (UTC, without zone) do not count.
    """

    source: Location
    sql: Location
    target: Location
    window: Window
    as_of: datetime
    engine: str

    @property
    def table(self) -> str:
        return self.source.key.rpartition("/")[2]


class Result(NamedTuple):
    """What transform.sql gave: columns, the number of each split's rows, and what gives these in order."""

    columns: Sequence[str]
    counts: Mapping[str, int]
    rows: Callable[[str], Iterable[Sequence[Any]]]


def parse_arguments(arguments: Sequence[str]) -> Job:
    """
    Read the job's arguments, ignoring those that Glue adds (``--JOB_NAME``…).

    :raises InvalidArgument: names the argument, its value and what is allowed
    """
    names = ("source", "sql", "target", "start", "validation_start", "end", "as_of", "engine")
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    for name in names:
        parser.add_argument(f"--{name}", nargs="?")
    given = vars(parser.parse_known_args(arguments)[0])
    if missing := [f"--{name}" for name in names if not given[name]]:
        raise InvalidArgument(f"{', '.join(missing)} missing; needed are --{', --'.join(names)}")
    if given["engine"] not in ("duckdb", "spark"):
        raise InvalidArgument(f"--engine is {given['engine']!r}; allowed are duckdb and spark")
    source, sql, target = (_location(name, given[name]) for name in names[:3])
    window = Window(*(_time(name, given[name]) for name in names[3:6]))
    job = Job(source, sql, target, window, _time("as_of", given["as_of"]), given["engine"])
    if not job.table.isidentifier():
        raise InvalidArgument(f"--source is {given['source']!r}; allowed is one that ends in a table's name")
    return job


def render(sql: str, window: Window, as_of: datetime) -> str:
    """
    Put the times into transform.sql as TIMESTAMP literals; data that is never late needs no ``:as_of``.

    :raises InvalidTransform: a placeholder is missing or unknown
    """
    times, found = {**vars(window), "as_of": as_of}, set(_PLACEHOLDER.findall(sql))
    if found | {"as_of"} != set(times):
        raise InvalidTransform(
            f"transform.sql has the placeholders {sorted(found)}; allowed are {sorted(times)}"
        )
    if "as_of" not in found and as_of not in (window.end, EVER_RECEIVED):
        raise InvalidTransform(
            f"--as_of is {as_of}, but transform.sql has no :as_of; allowed is {window.end}"
        )
    return _PLACEHOLDER.sub(lambda match: f"TIMESTAMP '{times[match[1]]}'", sql)


def run_duckdb(files: Sequence[str], table: str, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run the rendered SQL over local parquet files; returns the columns' names and the rows, in order."""
    import duckdb

    with duckdb.connect() as connection:
        # Given single files, Spark adds no column for their partition; neither may DuckDB.
        connection.read_parquet(list(files), hive_partitioning=False).create_view(table)
        try:
            result = connection.execute(sql)
            return [column[0] for column in result.description or ()], result.fetchall()
        except duckdb.Error as error:
            raise _failed(error) from error


def run_spark(spark: Any, files: Sequence[str], table: str, sql: str) -> Any:
    """Run the rendered SQL over parquet files; returns a DataFrame of one partition, in order."""
    from pyspark.errors import PySparkException

    # TIMESTAMP then means one without zone, as in the parquet files and in DuckDB.
    spark.conf.set("spark.sql.timestampType", "TIMESTAMP_NTZ")
    # Each split becomes one ordered file: sorted within one partition, no later step can reorder the rows.
    spark.conf.set("spark.sql.shuffle.partitions", "1")
    spark.read.parquet(*files).createOrReplaceTempView(table)
    try:
        return spark.sql(sql)
    except PySparkException as error:
        raise _failed(error) from error


def to_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as headerless CSV; a NULL is an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def check(
    columns: Sequence[str], counts: Mapping[str, int], job: Job, count_all: Callable[[], Mapping[str, int]]
) -> None:
    """
    Check what transform.sql gave, with ``counts`` the rows of each split.

    ``count_all`` counts those too that were received from ``as_of`` on; it is asked where rows are missing.

    :raises InvalidTransform: split and label are not the first columns, or a split is neither of the two
    :raises EmptyWindow: names the part of the window that is without rows
    """
    if list(columns[:2]) != ["split", "label"]:
        raise InvalidTransform(f"transform.sql gives the columns {list(columns)}; first come split and label")
    if not set(counts) <= set(SPLITS):
        raise InvalidTransform(f"transform.sql gives the splits {list(counts)}; allowed are {list(SPLITS)}")
    missing = [split for split in SPLITS if split not in counts]
    if not missing:
        return
    all_counts, window = count_all(), job.window
    late = sum(all_counts.get(split, 0) for split in missing)
    if len(missing) == len(SPLITS):
        what, where = "", str(window)
    elif missing == ["train"]:
        part = _span(window.start, window.validation_start)
        what, where = " to train on", f"{part}, the first part of {window}"
    else:
        part = _span(window.validation_start, window.end)
        what, where = " to validate with", f"{part}, the last part of {window}"
    if late:
        raise EmptyWindow(
            f"no {job.table}{what} that landed in {where} were received before"
            f" --as_of {job.as_of.isoformat()}Z; {late} were received later"
        )
    raise EmptyWindow(f"no {job.table}{what} landed in {where}")


def main(arguments: Sequence[str]) -> None:
    """
    Run the job. What it fails with is written beside its output, and left to reach Glue.

    No document says what of a Python shell job's error becomes the run's ErrorMessage.
    """
    job = parse_arguments(arguments)
    s3 = boto3.client("s3")
    _clear(s3, job.target)
    try:
        _run(s3, job)
    except Exception as error:
        _leave(s3, job.target, error)
        raise


def _run(s3: Any, job: Job) -> None:
    sql = s3.get_object(Bucket=job.sql.bucket, Key=job.sql.key)["Body"].read().decode()
    rendered = render(sql, job.window, job.as_of)
    keys = list(_landed(s3, job.source, job.window))
    _progress(f"{job.window}: {len(keys)} files of {job.table}")
    if not keys:
        raise EmptyWindow(f"no {job.table} landed in {job.window}")
    transform = _with_duckdb if job.engine == "duckdb" else _with_spark
    columns, counts, rows = transform(s3, job, keys, rendered)
    all_received = render(sql, job.window, EVER_RECEIVED)
    check(columns, counts, job, lambda: transform(s3, job, keys, all_received).counts)
    _progress("transformed")
    for split in SPLITS:
        key = f"{job.target.key}/{split}/part-00000.csv"
        s3.put_object(Bucket=job.target.bucket, Key=key, Body=to_csv(rows(split)))
    _progress(f"wrote {counts['train']} rows to train on, {counts['validation']} to validate with")


def _with_duckdb(s3: Any, job: Job, keys: list[str], sql: str) -> Result:
    with TemporaryDirectory() as folder, ThreadPoolExecutor(max_workers=8) as pool:

        def download(key: str) -> str:
            file = Path(folder, key.replace("/", "_"))
            file.write_bytes(s3.get_object(Bucket=job.source.bucket, Key=key)["Body"].read())
            return str(file)

        files = list(pool.map(download, keys))
        _progress("downloaded")
        columns, rows = run_duckdb(files, job.table, sql)
    counts = Counter(row[0] for row in rows)
    return Result(columns, counts, lambda split: (row[1:] for row in rows if row[0] == split))


def _with_spark(_: Any, job: Job, keys: list[str], sql: str) -> Result:
    """
    Let Spark read and transform; what it gives is written as DuckDB's is.

    Its own writer is S3A from Glue 5.1 on, which looks for keys that are not there yet. Without the right to
    list the whole bucket S3 answers that with 403, and the write fails:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    from pyspark.sql import SparkSession

    # One partition comes here whole, and Spark's own bound for that is 1 GB.
    spark = SparkSession.builder.config("spark.driver.maxResultSize", "0").getOrCreate()
    frame = run_spark(spark, [f"s3://{job.source.bucket}/{key}" for key in keys], job.table, sql).cache()
    counts = {row["split"]: row["count"] for row in frame.groupBy("split").count().collect()}
    return Result(
        frame.columns,
        counts,
        lambda split: frame.where(frame["split"] == split).drop("split").toLocalIterator(),
    )


def _landed(s3: Any, source: Location, window: Window) -> Iterator[str]:
    """List the window's parquet files: a call for each 1,000, and a day that is missing costs nothing."""
    first, last = (f"{source.key}/{day}" for day in (window.partitions[0], window.partitions[-1]))
    for key in _keys(s3, source.bucket, f"{source.key}/date=", after=first):
        partition, _, name = key.rpartition("/")
        if partition > last:
            return
        if name.endswith(".parquet"):
            yield key


def _leave(s3: Any, target: Location, error: Exception) -> None:
    key, reason = f"{target.key}/{FAILURE}", f"{type(error).__name__}: {error}"
    try:
        s3.put_object(Bucket=target.bucket, Key=key, Body=reason.encode())
    except Exception as unwritten:  # noqa: BLE001 - it must not take the place of the error itself
        _progress(f"could not write s3://{target.bucket}/{key}: {unwritten}")


def _clear(s3: Any, target: Location) -> None:
    """Remove what an earlier run left, so that a second run of the same target leaves one output."""
    s3.delete_object(Bucket=target.bucket, Key=f"{target.key}/{FAILURE}")
    for split in SPLITS:
        for key in list(_keys(s3, target.bucket, f"{target.key}/{split}/")):
            s3.delete_object(Bucket=target.bucket, Key=key)


def _keys(s3: Any, bucket: str, prefix: str, after: str = "") -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=after)
    return (entry["Key"] for page in pages for entry in page.get("Contents", ()))


def _location(name: str, uri: str) -> Location:
    match = _S3_URI.fullmatch(uri)
    if match is None:
        raise InvalidArgument(f"--{name} is {uri!r}; allowed is s3://bucket/key, of characters safe in S3")
    return Location(match[1], match[2])


def _time(name: str, text: str) -> datetime:
    # The pattern too, as strptime also takes 2013-5-1.
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text, re.ASCII):
        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            pass
    raise InvalidArgument(f"--{name} is {text!r}; allowed is a time in UTC such as 2013-05-01T00:00:00Z")


def _span(start: datetime, end: datetime) -> str:
    return f"[{start.isoformat()}Z, {end.isoformat()}Z)"


def _failed(error: Exception) -> InvalidTransform:
    # Both engines end a message with a drawing of the SQL, and Glue reports the last line.
    return InvalidTransform(f"transform.sql failed: {str(error).splitlines()[0]}")


def _progress(message: str) -> None:
    print(f"{time.monotonic() - _BEGAN:6.2f} s  {message}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
