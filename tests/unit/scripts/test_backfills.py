"""`make backfill` ends, whatever the schedule is and whatever runs there are already."""

from __future__ import annotations

import sys
from datetime import datetime
from types import SimpleNamespace

import pytest
from croniter import croniter, croniter_range

from scripts import backfills
from scripts.airflow_client import Json


class FakeAirflow:
    """
    Airflow's part in a backfill: each run that it makes has ended at once.

    :param schedule: the DAG's
    :param there: logical dates and types of runs that are there before
    """

    def __init__(self, schedule: str, there: dict[str, str] | None = None) -> None:
        self._schedule = schedule
        self.made: dict[str, Json] = {}
        for date, run_type in (there or {}).items():
            self._make(datetime.fromisoformat(date), run_type)

    def client(self) -> FakeAirflow:
        return self

    def pause(self, dag_id: str, paused: bool) -> None:
        pass

    def cancel_backfills(self, dag_id: str) -> None:
        pass

    def backfill_dates(self, _dag_id: str, first: datetime, last: datetime) -> list[datetime]:
        return [date for date in self._dates(first, last) if date.isoformat() not in self.made]

    def airflow(self, *arguments: str) -> SimpleNamespace:
        first, last = (arguments[arguments.index(f"--{option}-date") + 1] for option in ("from", "to"))
        for date in self._dates(datetime.fromisoformat(first), datetime.fromisoformat(last)):
            if date.isoformat() not in self.made:
                self._make(date, "backfill")
        return SimpleNamespace(returncode=0, stdout="")

    def all_runs(self, _dag_id: str, run_type: str = "", **filters: str) -> list[Json]:
        first = datetime.fromisoformat(filters["logical_date_gte"])
        last = datetime.fromisoformat(filters["logical_date_lte"])
        return [
            run
            for date, run in sorted(self.made.items())
            if first <= datetime.fromisoformat(date) <= last and run_type in ("", run["run_type"])
        ]

    def _dates(self, first: datetime, last: datetime) -> list[datetime]:
        return list(croniter_range(first, last, self._schedule, ret_type=datetime))

    def _make(self, date: datetime, run_type: str) -> None:
        self.made[date.isoformat()] = {
            "dag_run_id": f"{run_type}__{date.isoformat()}",
            "logical_date": date.isoformat().replace("+00:00", "Z"),
            "data_interval_start": date.isoformat(),
            "data_interval_end": croniter(self._schedule, date).get_next(datetime).isoformat(),
            "run_type": run_type,
            "state": "success",
        }


def run(monkeypatch: pytest.MonkeyPatch, airflow: FakeAirflow, first: str, after: str) -> int:
    monkeypatch.setattr(backfills, "LocalStack", lambda _: airflow)
    # Nobody waits for more than is there at once.
    monkeypatch.setattr(backfills, "RUN_SECONDS", 0)
    monkeypatch.setattr(sys, "argv", ["backfills", "--from", first, "--to", after])
    return backfills.main()


@pytest.mark.parametrize(
    ("schedule", "first", "after", "dates"),
    [
        ("0 * * * *", "2013-05-01T04", "2013-05-01T06", ["2013-05-01T04:00", "2013-05-01T05:00"]),
        ("0 0 * * *", "2013-05-01", "2013-05-03", ["2013-05-01T00:00", "2013-05-02T00:00"]),
        ("*/15 * * * *", "2013-05-01T04:15", "2013-05-01T04:45", ["2013-05-01T04:15", "2013-05-01T04:30"]),
        ("0 6 * * 1", "2013-05-01", "2013-05-15", ["2013-05-06T06:00", "2013-05-13T06:00"]),
    ],
    ids=["hourly", "daily", "every quarter", "weekly"],
)
def test_each_interval_of_the_range_is_run_and_waited_for(
    schedule: str,
    first: str,
    after: str,
    dates: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    airflow = FakeAirflow(schedule)
    assert run(monkeypatch, airflow, first, after) == 0, capsys.readouterr().err
    assert sorted(airflow.made) == [f"{date}:00+00:00" for date in dates]


def test_a_run_of_another_type_is_left_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow = FakeAirflow("0 * * * *", {"2013-05-01T04:00:00+00:00": "manual"})
    assert run(monkeypatch, airflow, "2013-05-01T04", "2013-05-01T06") == 0, capsys.readouterr().err
    assert [run["run_type"] for run in airflow.made.values()] == ["manual", "backfill"]
    assert "retrained 1 data interval(s)" in capsys.readouterr().out


def test_a_range_without_anything_to_run_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow = FakeAirflow("0 0 * * *", {"2013-05-01T00:00:00+00:00": "scheduled"})
    assert run(monkeypatch, airflow, "2013-05-01", "2013-05-02") == 1
    assert "1 have a run already: clear these to run again" in capsys.readouterr().err
    assert run(monkeypatch, airflow, "2013-05-02T04", "2013-05-02T06") == 1
    assert "there is no interval to run" in capsys.readouterr().err


def test_a_run_that_is_gone_ends_the_wait(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow = FakeAirflow("0 0 * * *")
    monkeypatch.setattr(airflow, "airflow", lambda *_: SimpleNamespace(returncode=0, stdout=""))
    assert run(monkeypatch, airflow, "2013-05-01", "2013-05-02") == 1
    assert "has no run of 2013-05-01T00:00:00+00:00" in capsys.readouterr().err
