"""The Glue job around transform.sql: its arguments, what it reads and writes, and how it fails."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest

from include.glue import transform

SQL = """
SELECT CASE WHEN ended_at < :validation_start THEN 'train' ELSE 'validation' END AS split, label, fare
FROM rides WHERE ended_at >= :start AND ended_at < :end ORDER BY ended_at
"""
ARGUMENTS = {
    "source": "s3://lake/data/rides",
    "sql": "s3://lake/workflow/rides/transform.sql",
    "target": "s3://lake/runs/one",
    "start": "2013-05-01T06:00:00Z",
    "validation_start": "2013-05-03T00:00:00Z",
    "end": "2013-05-04T06:00:00Z",
    "as_of": "2013-05-04T06:00:00Z",
    "engine": "duckdb",
}


class FakeS3:
    """The calls that the job makes, over a dictionary, with pages of two keys."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.read: list[str] = []

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        assert Bucket == "lake"
        self.read.append(Key)
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        assert Bucket == "lake"
        self.objects[Key] = Body

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        assert Bucket == "lake"
        self.objects.pop(Key, None)

    def get_paginator(self, operation: str) -> FakeS3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str, StartAfter: str) -> Iterator[dict[str, Any]]:
        assert Bucket == "lake"
        keys = [key for key in sorted(self.objects) if key.startswith(Prefix) and key > StartAfter]
        for page in range(0, max(len(keys), 1), 2):
            listed = keys[page : page + 2]
            yield {"Contents": [{"Key": key} for key in listed]} if listed else {}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    fake = FakeS3()
    fake.objects["workflow/rides/transform.sql"] = SQL.encode()
    monkeypatch.setattr(boto3, "client", lambda service: {"s3": fake}[service])
    return fake


@pytest.fixture
def ride(s3: FakeS3, tmp_path: Path) -> Any:
    """Lays down one ride in the partition of its day."""

    def lay(at: str, label: int = 0, fare: int | None = 7) -> str:
        file = tmp_path / "ride.parquet"
        with duckdb.connect() as connection:
            connection.sql(
                "SELECT CAST(? AS TIMESTAMP) AS ended_at, CAST(? AS INT) AS label, CAST(? AS INT) AS fare",
                params=[at, label, fare],
            ).write_parquet(str(file))
        key = f"data/rides/date={at[:10]}/{at[11:].replace(':', '')}.parquet"
        s3.objects[key] = file.read_bytes()
        return key

    return lay


def command_line(**changes: str | None) -> list[str]:
    arguments = {**ARGUMENTS, **changes}
    return [word for name, value in arguments.items() if value is not None for word in (f"--{name}", value)]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("start", "2013-05-01"),
        ("start", "2013-05-01T06:00:00"),
        ("start", "2013-05-01T06:00:00+00:00"),
        ("start", "2013-5-1T06:00:00Z"),
        ("start", "2013-05-01T06:00:00Z' OR 1=1 --"),
        ("end", "2013-02-30T00:00:00Z"),
        ("end", "2013-05-04T06:00:00Z\n"),
        ("validation_start", "yesterday"),
        ("source", "data/rides"),
        ("source", "s3://lake"),
        ("source", "s3://lake/"),
        ("source", "s3://lake/data/ri-des"),
        ("source", "s3://lake/data/rides; DROP TABLE x"),
        ("sql", "s3://Lake/transform.sql"),
        ("sql", "https://lake/transform.sql"),
        ("target", "s3://lake/runs//one"),
        ("target", "s3://l/runs/one"),
        ("engine", "presto"),
    ],
)
def test_bad_argument_is_refused_by_name_value_and_what_is_allowed(
    s3: FakeS3, argument: str, value: str
) -> None:
    with pytest.raises(transform.InvalidArgument) as error:
        transform.main(command_line(**{argument: value}))
    assert str(error.value).startswith(f"--{argument} is {value!r}; allowed ")
    assert not s3.read


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("value", [None, ""])
def test_missing_argument_is_named(argument: str, value: str | None) -> None:
    with pytest.raises(
        transform.InvalidArgument, match=rf"^--{argument} missing; needed are --source, --sql"
    ):
        transform.parse_arguments(command_line(**{argument: value}))


@pytest.mark.parametrize("moment", ["2013-05-01T06:00:00Z", "2013-05-04T06:00:00Z", "2013-06-01T00:00:00Z"])
def test_validation_has_to_start_inside_the_window(moment: str) -> None:
    with pytest.raises(transform.InvalidArgument) as error:
        transform.parse_arguments(command_line(validation_start=moment))
    assert f"--validation_start is {moment}; allowed" in str(error.value)
    assert "[2013-05-01T06:00:00Z, 2013-05-04T06:00:00Z)" in str(error.value)


def test_arguments_of_glue_itself_are_ignored() -> None:
    job = transform.parse_arguments(["--JOB_NAME", "etl", *command_line(), "--enable-metrics", "true"])
    assert (job.table, job.engine, job.target) == ("rides", "duckdb", ("lake", "runs/one"))


def test_window_ending_at_midnight_does_not_touch_that_day() -> None:
    job = transform.parse_arguments(command_line(end="2013-05-04T00:00:00Z"))
    assert job.window.partitions == ["date=2013-05-01", "date=2013-05-02", "date=2013-05-03"]


@pytest.mark.parametrize(
    ("rides", "message"),
    [
        ([], "no rides landed in [2013-05-01T06:00:00Z, 2013-05-04T06:00:00Z)"),
        (
            ["2013-05-01 05:00:00", "2013-05-04 06:00:00"],
            "no rides landed in [2013-05-01T06:00:00Z, 2013-05-04T06:00:00Z)",
        ),
        (
            ["2013-05-03 09:00:00"],
            "no rides to train on landed in [2013-05-01T06:00:00Z, 2013-05-03T00:00:00Z)",
        ),
        (
            ["2013-05-01 09:00:00"],
            "no rides to validate with landed in [2013-05-03T00:00:00Z, 2013-05-04T06:0",
        ),
    ],
)
def test_empty_window_fails_naming_the_part_and_leaves_no_output_of_an_earlier_run(
    s3: FakeS3, ride: Any, rides: list[str], message: str
) -> None:
    for at in rides:
        ride(at)
    s3.objects["runs/one/train/part-00000.csv"] = b"old"
    with pytest.raises(transform.EmptyWindow, match=re.escape(message)):
        transform.main(command_line())
    left = {key: body.decode() for key, body in s3.objects.items() if key.startswith("runs/")}
    assert list(left) == ["runs/one/failure.txt"]
    assert left["runs/one/failure.txt"].startswith(f"EmptyWindow: {message}")


def test_rows_that_were_received_later_are_not_said_to_be_missing(s3: FakeS3, ride: Any) -> None:
    s3.objects["workflow/rides/transform.sql"] = SQL.replace("ORDER", "AND ended_at < :as_of ORDER").encode()
    ride("2013-05-01 09:00:00")
    ride("2013-05-03 09:00:00")
    ride("2013-05-03 10:00:00")
    with pytest.raises(transform.EmptyWindow) as error:
        transform.main(command_line(as_of="2013-05-03T00:00:00Z"))
    assert str(error.value) == (
        "no rides to validate with that landed in [2013-05-03T00:00:00Z, 2013-05-04T06:00:00Z), the last part"
        " of [2013-05-01T06:00:00Z, 2013-05-04T06:00:00Z) were received"
        " before --as_of 2013-05-03T00:00:00Z; 2 were received later"
    )
    with pytest.raises(transform.EmptyWindow, match="2013-05-01T00:00:00Z; 3 were received later"):
        transform.main(command_line(as_of="2013-05-01T00:00:00Z"))


def test_a_run_that_succeeds_leaves_no_failure_of_an_earlier_one(s3: FakeS3, ride: Any) -> None:
    s3.objects["runs/one/failure.txt"] = b"EmptyWindow: no rides"
    ride("2013-05-01 09:00:00")
    ride("2013-05-03 09:00:00")
    transform.main(command_line())
    assert "runs/one/failure.txt" not in s3.objects


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("label, fare", "fare, label", "['split', 'fare', 'label']; first come split and label"),
        ("'validation'", "'test'", "['train', 'test']; allowed are ['train', 'validation']"),
        ("fare", "tip", 'transform.sql failed: Binder Error: Referenced column "tip" not found'),
        ("FROM", "FORM", "transform.sql failed: Parser Error"),
    ],
)
def test_transform_that_breaks_its_contract_is_refused(
    s3: FakeS3, ride: Any, old: str, new: str, message: str
) -> None:
    s3.objects["workflow/rides/transform.sql"] = SQL.replace(old, new).encode()
    ride("2013-05-01 09:00:00")
    ride("2013-05-03 09:00:00")
    with pytest.raises(transform.InvalidTransform, match=re.escape(message)) as error:
        transform.main(command_line())
    assert "\n" not in str(error.value)


def test_reads_the_days_of_the_window_and_writes_label_first_without_header(s3: FakeS3, ride: Any) -> None:
    outside = [ride("2013-04-30 23:59:59"), ride("2013-05-05 00:00:00")]
    # Where Hive and Spark put rows without a date.
    outside.append("data/rides/date=__HIVE_DEFAULT_PARTITION__/a.parquet")
    s3.objects[outside[-1]] = b"no parquet"
    ride("2013-05-01 06:00:00", label=1, fare=11)
    ride("2013-05-01 09:00:00", fare=None)
    # Nothing on 2 May: a day without data is no error.
    ride("2013-05-03 00:00:00", label=1, fare=13)
    ride("2013-05-04 05:59:59", fare=14)
    transform.main(command_line())
    assert s3.objects["runs/one/train/part-00000.csv"] == b"1,11\n0,\n"
    assert s3.objects["runs/one/validation/part-00000.csv"] == b"1,13\n0,14\n"
    assert not set(outside) & set(s3.read)


def test_second_run_of_the_same_target_leaves_one_output(s3: FakeS3, ride: Any) -> None:
    ride("2013-05-01 09:00:00")
    ride("2013-05-03 09:00:00")
    others = dict.fromkeys(("runs/one/one/output/model.tar.gz", "runs/one2/train/part-0.csv"), b"kept")
    stale = [f"runs/one/train/part-{number}.csv" for number in range(5)]
    s3.objects.update({**others, **dict.fromkeys(stale, b"old")})
    for _ in range(2):
        transform.main(command_line())
        assert {key: body for key, body in s3.objects.items() if key.startswith("runs/")} == {
            **others,
            "runs/one/train/part-00000.csv": b"0,7\n",
            "runs/one/validation/part-00000.csv": b"0,7\n",
        }
