"""transform.sql on hand-made flights: which of them become rows, where, and with what label."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from include.glue import transform

SQL = (Path(__file__).parents[3] / "include/models/flight_delay/transform.sql").read_text()
WINDOW = transform.Window(datetime(2013, 5, 1, 6), datetime(2013, 5, 3, 6), datetime(2013, 5, 4, 6))
COLUMNS = [
    "split",
    "label",
    "dep_delay",
    "sched_dep_hour",
    "sched_dep_minute",
    "sched_arr_time",
    "distance",
    "carrier_code",
    "origin_code",
    "dest_code",
]

Row = dict[str, Any]


@pytest.fixture
def rows_of(tmp_path: Path) -> Callable[..., list[Row]]:
    """Runs transform.sql over flights, each given by what is unusual about it."""

    def run(*flights: dict[str, Any], as_of: datetime = WINDOW.end) -> list[Row]:
        usual = {
            "arrived_at": "2013-05-02 12:00:00",
            "received_at": "2013-05-02 12:00:00",
            "dep_delay": 0,
            "arr_delay": 0,
            "hour": 8,
            "minute": 30,
            "sched_arr_time": 1145,
            "distance": 1400,
            "carrier": "UA",
            "flight": 1545,
            "origin": "EWR",
            "dest": "IAH",
        }
        file = str(tmp_path / "flights.parquet")
        with duckdb.connect() as connection:
            connection.execute(
                "CREATE TABLE flights (arrived_at TIMESTAMP, received_at TIMESTAMP, dep_delay BIGINT, "
                "arr_delay BIGINT, hour BIGINT, minute BIGINT, sched_arr_time BIGINT, distance BIGINT, "
                "carrier VARCHAR, flight BIGINT, origin VARCHAR, dest VARCHAR)"
            )
            values = [list({**usual, **flight}.values()) for flight in flights]
            connection.executemany("INSERT INTO flights VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            connection.table("flights").write_parquet(file)
        columns, rows = transform.run_duckdb([file], "flights", transform.render(SQL, WINDOW, as_of))
        return [dict(zip(columns, row, strict=True)) for row in rows]

    return run


@pytest.mark.parametrize(
    ("arrived_at", "split"),
    [
        ("2013-05-01 05:59:59", None),
        ("2013-05-01 06:00:00", "train"),
        ("2013-05-03 05:59:59.999999", "train"),
        ("2013-05-03 06:00:00", "validation"),
        ("2013-05-04 05:59:59.999999", "validation"),
        ("2013-05-04 06:00:00", None),
    ],
)
def test_window_and_split_are_half_open(
    rows_of: Callable[..., list[Row]], arrived_at: str, split: str | None
) -> None:
    assert [row["split"] for row in rows_of({"arrived_at": arrived_at})] == ([split] if split else [])


def test_flight_still_in_the_air_at_the_end_does_not_leak(rows_of: Callable[..., list[Row]]) -> None:
    in_the_air = {"arrived_at": "2013-05-04 07:10:00", "hour": 1, "minute": 0, "dep_delay": 99}
    assert [row["dep_delay"] for row in rows_of(in_the_air, {"dep_delay": 3})] == [3]


@pytest.mark.parametrize(("arr_delay", "labels"), [(15, [0]), (16, [1]), (-40, [0]), (600, [1]), (None, [])])
def test_late_is_more_than_15_minutes_and_diverted_flights_have_no_label(
    rows_of: Callable[..., list[Row]], arr_delay: int | None, labels: list[int]
) -> None:
    assert [row["label"] for row in rows_of({"arr_delay": arr_delay})] == labels


def test_row_has_the_columns_of_the_contract_all_integers(rows_of: Callable[..., list[Row]]) -> None:
    (row,) = rows_of({"dep_delay": -4, "arr_delay": 20, "carrier": "9E", "origin": "JFK", "dest": "BQN"})
    values = ["train", 1, -4, 8, 30, 1145, 1400, 5769, 747075, 668178]
    assert row == dict(zip(COLUMNS, values, strict=True))
    assert list(row) == COLUMNS
    assert {type(value) for value in list(row.values())[1:]} == {int}


@pytest.mark.parametrize("column", ["carrier", "origin", "dest"])
def test_codes_of_the_same_letters_differ(rows_of: Callable[..., list[Row]], column: str) -> None:
    codes = ["AB", "BA"] if column == "carrier" else ["ABC", "ACB", "BAC", "CBA"]
    rows = rows_of(*({column: code} for code in codes))
    assert len({row[f"{column}_code"] for row in rows}) == len(codes)


def test_rows_come_in_one_order_however_the_flights_lie(rows_of: Callable[..., list[Row]]) -> None:
    flights = [
        {"arrived_at": "2013-05-02 11:00:00", "carrier": "ZZ", "dep_delay": 0},
        {"carrier": "AA", "flight": 9, "dep_delay": 1},
        {"carrier": "AA", "flight": 10, "dep_delay": 2},
        {"carrier": "AA", "flight": 10, "origin": "JFK", "dest": "ATL", "dep_delay": 3},
        {"carrier": "AA", "flight": 10, "origin": "JFK", "dest": "BOS", "dep_delay": 4},
        {"carrier": "UA", "flight": 1, "dep_delay": 5},
    ]
    assert [row["dep_delay"] for row in rows_of(*reversed(flights))] == [0, 1, 2, 3, 4, 5]
    assert rows_of(*reversed(flights)) == rows_of(*flights)


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("SELECT 1 AS split", "[]"),
        (SQL.replace(":end", "now()"), "['as_of', 'start', 'validation_start']"),
        (SQL + " -- :limit", "['as_of', 'end', 'limit', 'start', 'validation_start']"),
    ],
)
def test_placeholders_other_than_the_times_are_refused(sql: str, named: str) -> None:
    with pytest.raises(transform.InvalidTransform) as error:
        transform.render(sql, WINDOW, WINDOW.end)
    assert named in str(error.value)
    assert "allowed are ['as_of', 'end', 'start', 'validation_start']" in str(error.value)


def test_a_flight_that_was_received_late_counts_only_as_of_a_later_time(
    rows_of: Callable[..., list[Row]],
) -> None:
    late = {"received_at": "2013-05-09 00:00:00", "dep_delay": 1}
    assert [row["dep_delay"] for row in rows_of(late, {"dep_delay": 0})] == [0]
    assert [row["dep_delay"] for row in rows_of(late, as_of=datetime(2013, 5, 9))] == []
    assert [row["dep_delay"] for row in rows_of(late, as_of=datetime(2013, 5, 9, 0, 0, 1))] == [1]


def test_as_of_is_refused_where_the_transform_would_ignore_it() -> None:
    sql = "SELECT :start, :validation_start, :end"
    transform.render(sql, WINDOW, WINDOW.end)
    with pytest.raises(transform.InvalidTransform, match=r"--as_of is 2013-05-09.* has no :as_of"):
        transform.render(sql, WINDOW, datetime(2013, 5, 9))


def test_casts_and_times_are_no_placeholders() -> None:
    sql = transform.render("SELECT '10:30', a::INT, :start, :validation_start, :end", WINDOW, WINDOW.end)
    assert sql == (
        "SELECT '10:30', a::INT, TIMESTAMP '2013-05-01 06:00:00', TIMESTAMP '2013-05-03 06:00:00', "
        "TIMESTAMP '2013-05-04 06:00:00'"
    )
