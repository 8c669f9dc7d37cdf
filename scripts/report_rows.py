"""Reads the gate reports of a range of data intervals from Airflow, and finds what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from croniter import croniter

from scripts.airflow_client import AirflowClient, Json
from scripts.gate_reports import gate_report

# Requests at a time: a run takes two, and Airflow answers some hundreds a second at best.
PARALLEL = 4
MISSING = "missing"
NO_REPORT = "no report"


@dataclass(frozen=True)
class Row:
    """
    One run, or an interval that has none; [start, end) is the data interval, UTC.

    :param end: for a run with a ``window_end`` of its own, that
    :param seconds: how long the DAG run took
    :param report: the gate report
    :param remark: why there is no report, or what went wrong
    """

    start: datetime
    end: datetime
    run_id: str | None = None
    run_type: str | None = None
    state: str | None = None
    seconds: float | None = None
    report: Json | None = None
    remark: str = ""

    def told(self, field: str) -> Any:
        """Return a field of the report; None where there is no report."""
        return (self.report or {}).get(field)

    @property
    def outcome(self) -> str:
        """The report's outcome, or that there is no report, or no run."""
        return self.told("outcome") or (NO_REPORT if self.run_id else MISSING)

    @property
    def execution_seconds(self) -> float | None:
        """Seconds spent in the states of the execution."""
        return round(sum(self.told("durations").values()), 3) if self.told("durations") else None


def read_rows(client: AirflowClient, dag_id: str, start: datetime, end: datetime) -> list[Row]:
    """
    Read the reports of all runs whose data is of [start, end), and add the intervals that have no run.

    A run is of the range when its data interval lies in it; one with its own ``window_end``, when that does.

    :raises ApiError: when the API refuses, e.g. 404 for a DAG that does not exist
    """
    schedule = client.dag(dag_id)["timetable_summary"]
    runs = list(_runs(client, dag_id, start, end))
    with ThreadPoolExecutor(PARALLEL) as pool:
        rows = list(pool.map(lambda run: _row(client, dag_id, run), runs))
    trained = {row.end for row in rows}
    rows += [Row(*interval) for interval in _intervals(schedule, start, end) if interval[1] not in trained]
    return sorted(rows, key=lambda row: (row.end, row.start, row.run_id or ""))


def _runs(client: AirflowClient, dag_id: str, start: datetime, end: datetime) -> Iterator[Json]:
    # By the date of a run by hand one cannot tell what its window is.
    by_hand = client.all_runs(dag_id, run_type="manual")
    of_range = client.all_runs(dag_id, logical_date_gte=start.isoformat(), logical_date_lt=end.isoformat())
    seen: set[str] = set()
    for run in (*of_range, *by_hand):
        if run["dag_run_id"] not in seen and start <= _span(run)[0] and start < _span(run)[1] <= end:
            seen.add(run["dag_run_id"])
            yield run


def _span(run: Json) -> tuple[datetime, datetime]:
    """The run's data interval; of one with a window of its own, only the end is of interest."""
    if own := (run["conf"] or {}).get("window_end"):
        return _moment(own), _moment(own)
    end = _moment(run["data_interval_end"] or run["run_after"])
    return _moment(run["data_interval_start"] or run["run_after"]), end


def _row(client: AirflowClient, dag_id: str, run: Json) -> Row:
    start, end = _span(run)
    row = {
        "start": start,
        "end": end,
        "run_id": run["dag_run_id"],
        "run_type": run["run_type"],
        "state": run["state"],
        "seconds": run["duration"],
    }
    report = gate_report(client, dag_id, run["dag_run_id"])
    if report is None:
        return Row(**row, remark=_why(client, dag_id, run))
    remark = ": ".join(filter(None, (report["failed_state"], report["error"], report["cause"])))
    return Row(**row, report=report, remark="" if report["outcome"] == "rejected" else remark)


def _why(client: AirflowClient, dag_id: str, run: Json) -> str:
    """Say how far a run without a report got."""
    states = {task: item["state"] for task, item in client.task_instances(dag_id, run["dag_run_id"]).items()}
    failed = [task for task, state in states.items() if state == "failed"]
    under_way = [task for task, state in states.items() if state not in (None, "success", "upstream_failed")]
    if failed:
        return f"run {run['state']}: {', '.join(failed)} failed"
    return f"run {run['state']}" + (f" at {', '.join(under_way)}" if under_way else "")


def _intervals(schedule: str | None, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Give the data intervals that a cron schedule has in the range; none for another kind of schedule."""
    if not schedule or not croniter.is_valid(schedule):
        return
    times = croniter(schedule, start.timestamp() - 1)
    begin = times.get_next(datetime).astimezone(UTC)
    while (after := times.get_next(datetime).astimezone(UTC)) <= end:
        yield begin, after
        begin = after


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(str(text)).astimezone(UTC)
