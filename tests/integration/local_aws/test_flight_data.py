"""The flights that the embedded AWS lays down: when they landed, and the shift to the present."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from include.local_aws.flights import SHIFTED_NOW, weeks_of_shift
from tests.integration.flight_partitions import NOW, build_partitions

WEEK = timedelta(weeks=1)


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flights")


@pytest.fixture(scope="module")
def partitions(cache_dir: Path) -> Path:
    return build_partitions(cache_dir)


@pytest.fixture(scope="module")
def database(partitions: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.read_parquet(f"{partitions}/*/*.parquet", hive_partitioning=True).create_view("laid")
        yield connection


def test_partition_is_the_utc_date_of_landing(database: duckdb.DuckDBPyConnection) -> None:
    misplaced = "SELECT count(*) FROM laid WHERE date IS DISTINCT FROM CAST(arrived_at AS DATE)"
    assert database.sql(misplaced).fetchall() == [(0,)]


def test_time_of_landing_agrees_with_departure_and_air_time(database: duckdb.DuckDBPyConnection) -> None:
    # What time zones, midnight or daylight saving got wrong would be hours off, or negative.
    (shortest, longest, flights) = database.sql(
        """
        SELECT min(on_the_ground), max(on_the_ground), count(*)
        FROM (
            SELECT date_diff('minute', time_hour, arrived_at) - minute - dep_delay - air_time AS on_the_ground
            FROM laid WHERE year = 2013 AND air_time IS NOT NULL
        )
        """
    ).fetchall()[0]
    assert (shortest, longest, flights) == (5, 235, 327_346)


def test_second_year_is_the_first_moved_by_whole_weeks(database: duckdb.DuckDBPyConnection) -> None:
    weeks = weeks_of_shift(datetime.fromisoformat(NOW))
    columns = "carrier, flight, origin, dest, dep_delay, arr_delay, hour"
    first, second = (
        f"SELECT {columns}, time_hour + to_days({days}), arrived_at + to_days({days}), "  # noqa: S608
        f"make_date(year, month, day) + to_days({days}) FROM laid WHERE year(time_hour) {which}"
        for days, which in ((7 * weeks, "< 2015"), (0, ">= 2015"))
    )
    assert database.sql(f"({first}) EXCEPT ({second})").fetchall() == []
    assert database.sql(f"SELECT count(*) FROM ({second})").fetchall() == [(328_063,)]  # noqa: S608


def test_no_day_lacks_landings_from_40_days_ago_to_90_days_ahead(partitions: Path) -> None:
    today = date.fromisoformat(NOW[:10])
    days = [today + timedelta(days=ahead) for ahead in range(-40, 91)]
    assert not [day for day in days if not (partitions / f"date={day}").is_dir()]


def test_building_again_gives_the_same_bytes(partitions: Path, cache_dir: Path, tmp_path: Path) -> None:
    def files(folder: Path) -> dict[Path, bytes]:
        return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*.parquet")}

    assert files(build_partitions(tmp_path)) == files(partitions)
    # From the cache, and nothing else is left in it.
    written = partitions.stat().st_mtime_ns
    assert build_partitions(cache_dir) == partitions
    assert partitions.stat().st_mtime_ns == written
    assert list(cache_dir.iterdir()) == [partitions]


@pytest.mark.parametrize(
    "now", [SHIFTED_NOW + 700 * WEEK + timedelta(hours=hours) for hours in range(0, 337, 7)]
)
def test_now_always_falls_in_the_same_week_of_2013(now: datetime) -> None:
    assert SHIFTED_NOW <= now - weeks_of_shift(now) * WEEK < SHIFTED_NOW + WEEK
    assert weeks_of_shift(now.replace(tzinfo=UTC)) == weeks_of_shift(now)


def test_a_row_is_received_when_its_flight_has_landed(database: duckdb.DuckDBPyConnection) -> None:
    late = "SELECT count(*) FROM laid WHERE received_at IS DISTINCT FROM arrived_at"
    assert database.sql(late).fetchall() == [(0,)]
