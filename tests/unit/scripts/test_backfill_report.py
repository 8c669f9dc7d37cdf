"""The report of a range: every run with its report, and nothing that is missing hidden."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts import backfill_report
from scripts.airflow_client import AirflowClient, ApiError
from scripts.local_stack import LocalStack
from scripts.report_plot import plot
from scripts.report_rows import Row, read_rows

START = datetime(2013, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
REPORT: dict[str, Any] = {
    "metric": "validation:error",
    "value": 0.08,
    "threshold": 0.1,
    "window_start": "2013-04-03T01:00:00Z",
    "window_end": "2013-05-01T01:00:00Z",
    "durations": {"Train": 5.5, "Read metrics": 0.25},
    "training_job": "job-0",
    "model_name": "job",
    "failed_state": None,
    "error": None,
    "cause": None,
}


def report(outcome: str, **changes: Any) -> dict[str, Any]:
    return {**REPORT, "outcome": outcome, **changes}


FAILED = report("failed", value=None, failed_state="Train", error="States.TaskFailed", cause="no space")


def run(hour: int, run_type: str = "backfill", state: str = "success", **changes: Any) -> dict[str, Any]:
    start = START + hour * HOUR
    return {
        "dag_run_id": f"{run_type}__{hour}",
        "run_type": run_type,
        "state": state,
        "logical_date": start.isoformat(),
        "data_interval_start": start.isoformat(),
        "data_interval_end": (start + HOUR).isoformat(),
        "run_after": (start + HOUR).isoformat(),
        "duration": 12.34,
        "conf": {},
        **changes,
    }


class FakeAirflow(AirflowClient):
    """A client of an API that knows a few runs."""

    def __init__(self, *runs: tuple[dict[str, Any], dict[str, Any] | None], schedule: str = "0 * * * *"):
        self.schedule = schedule
        self.reports = {run["dag_run_id"]: report for run, report in runs}
        self.known = [run for run, _ in runs]
        self.tasks: dict[str, str | None] = {"start_execution": "failed", "accuracy_gate": "upstream_failed"}
        self.without_report = 404
        self.gate: dict[str, str | None] = {"id": "a-try", "state": "success"}
        self._http = httpx.Client(base_url="http://airflow", transport=httpx.MockTransport(self.answer))

    def answer(self, request: httpx.Request) -> httpx.Response:
        dag = "/api/v2/dags/flight_delay_retraining"
        assert request.url.path.startswith(dag)
        match request.url.path.removeprefix(dag).strip("/").split("/"):
            case [""]:
                return httpx.Response(200, json={"timetable_summary": self.schedule})
            case ["dagRuns"]:
                return httpx.Response(200, json=self.page(request.url.params))
            case ["dagRuns", _, "taskInstances"]:
                tasks = [{"task_id": task, "state": state} for task, state in self.tasks.items()]
                return httpx.Response(200, json={"task_instances": tasks})
            case ["dagRuns", _, "taskInstances", "accuracy_gate"]:
                return httpx.Response(200, json=self.gate)
            case ["dagRuns", run_id, "taskInstances", "accuracy_gate", "xcomEntries", "return_value"]:
                if (found := self.reports[run_id]) is None:
                    return httpx.Response(self.without_report, json={"detail": "XCom entry not found"})
                return httpx.Response(200, json={"value": found})
        raise AssertionError(request.url)

    def page(self, params: httpx.QueryParams) -> dict[str, Any]:
        first, limit = int(params["offset"]), int(params["limit"])
        found = [run for run in self.known if run["run_type"] == params.get("run_type", run["run_type"])]
        if "logical_date_gte" in params:
            bounds = params["logical_date_gte"], params["logical_date_lt"]
            found = [run for run in found if bounds[0] <= run["logical_date"] < bounds[1]]
        return {"dag_runs": found[first : first + limit], "total_entries": len(found)}


def rows_of(airflow: FakeAirflow, hours: int = 3) -> list[Row]:
    return read_rows(airflow, "flight_delay_retraining", START, START + hours * HOUR)


def test_runs_without_report_and_intervals_without_run_are_listed() -> None:
    airflow = FakeAirflow((run(0), report("accepted")), (run(2, state="failed"), None))
    rows = rows_of(airflow, hours=4)
    assert [(row.start - START, row.outcome) for row in rows] == [
        (0 * HOUR, "accepted"),
        (1 * HOUR, "missing"),
        (2 * HOUR, "no report"),
        (3 * HOUR, "missing"),
    ]
    assert rows[2].remark == "run failed: start_execution failed"


def test_a_run_under_way_says_how_far_it_is() -> None:
    airflow = FakeAirflow((run(0, state="running"), None))
    airflow.tasks = {"start_execution": "success", "wait_for_execution": "deferred", "accuracy_gate": None}
    assert rows_of(airflow)[0].remark == "run running at wait_for_execution"


@pytest.mark.parametrize("state", ["upstream_failed", None, "running", "removed"])
def test_the_report_of_an_earlier_training_is_not_that_of_a_rerun(state: str | None) -> None:
    """XComs outlive the clearing of their task, until it begins anew."""
    earlier = report("deployed")
    airflow = FakeAirflow((run(0, state="failed"), earlier))
    airflow.gate = {"id": "another-try", "state": state}
    airflow.tasks["accuracy_gate"] = state
    (row,) = rows_of(airflow, hours=1)
    assert (row.outcome, row.report) == ("no report", None)
    assert row.remark == "run failed: start_execution failed"


def test_a_gate_that_a_person_marked_has_no_report() -> None:
    airflow = FakeAirflow((run(0), report("deployed", reported_by="an-earlier-try")))
    airflow.tasks = {"start_execution": "failed", "accuracy_gate": "success"}
    assert rows_of(airflow, hours=1)[0].outcome == "no report"
    airflow.gate = {"id": "an-earlier-try", "state": "success"}
    assert rows_of(airflow, hours=1)[0].outcome == "deployed"


def test_only_a_report_that_is_not_there_is_no_report() -> None:
    airflow = FakeAirflow((run(0), None))
    airflow.without_report = 403
    with pytest.raises(ApiError, match="403"):
        rows_of(airflow)


def test_the_range_is_half_open_and_intervals_lie_in_it_whole() -> None:
    airflow = FakeAirflow(*((run(hour), report("accepted")) for hour in range(-1, 4)))
    assert [row.run_id for row in rows_of(airflow)] == ["backfill__0", "backfill__1", "backfill__2"]
    late = read_rows(airflow, "flight_delay_retraining", START + HOUR / 2, START + 2.5 * HOUR)
    assert [row.run_id for row in late] == ["backfill__1"]


def test_a_run_by_hand_is_of_the_range_by_the_window_it_asked_for() -> None:
    conf = {"window_end": "2013-05-01T04:00:00+02:00"}
    inside = run(90_000, "manual", conf=conf)
    outside = run(1, "manual", conf={"window_end": "2013-06-01T00:00:00Z"})
    rows = rows_of(FakeAirflow((inside, report("deployed")), (outside, report("deployed"))))
    assert [(row.end - START, row.outcome) for row in rows] == [
        (1 * HOUR, "missing"),
        (2 * HOUR, "deployed"),
        (3 * HOUR, "missing"),
    ]


def test_two_runs_of_one_interval_are_both_listed() -> None:
    airflow = FakeAirflow((run(1), report("rejected")), (run(1, "scheduled"), report("deployed")))
    rows = [row for row in rows_of(airflow) if row.run_id]
    assert sorted(row.outcome for row in rows) == ["deployed", "rejected"]


def test_more_runs_than_a_page_has_are_all_read() -> None:
    airflow = FakeAirflow(*((run(hour), report("accepted")) for hour in range(250)))
    assert [row.run_id for row in rows_of(airflow, hours=250)] == [f"backfill__{hour}" for hour in range(250)]


def test_a_schedule_that_is_no_cron_has_no_missing_intervals() -> None:
    assert rows_of(FakeAirflow(schedule="Never, external triggers only")) == []


def test_what_went_wrong_is_said_but_a_rejection_is_no_failure() -> None:
    rejected = report("rejected", error="ModelAccuracyTooLow", cause="too low")
    rows = rows_of(FakeAirflow((run(0), FAILED), (run(1), rejected)))
    assert [row.remark for row in rows] == ["Train: States.TaskFailed: no space", "", ""]


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> FakeAirflow:
    fake = FakeAirflow((run(0), report("deployed")), (run(1), FAILED))
    monkeypatch.setattr(LocalStack, "client", lambda _: fake)
    return fake


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["report", *arguments])
    return backfill_report.main()


RANGE = ("--from", "2013-05-01", "--to", "2013-05-01T03:00:00+00:00")


def test_the_command_prints_writes_and_plots(
    monkeypatch: pytest.MonkeyPatch, airflow: FakeAirflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = tmp_path / "new" / "report.csv", tmp_path / "new" / "report.svg"
    assert command(monkeypatch, *RANGE, "--csv", str(files[0]), "--plot", str(files[1])) == 0
    printed = capsys.readouterr().out
    assert re.search(
        r"00:00 to 01:00 +backfill +validation:error +0.080000 +0.100000 +deployed +12.3 s", printed
    )
    assert "3 intervals or runs: 1 deployed, 1 failed, 1 missing; metric from 0.080000" in printed
    with files[0].open() as file:
        table = list(csv.DictReader(file))
    assert [line["outcome"] for line in table] == ["deployed", "failed", "missing"]
    assert table[0]["value"] == "0.08"
    assert table[0]["execution_seconds"] == "5.75"
    assert table[1]["value"] == ""
    assert table[2]["interval_start"] == "2013-05-01T02:00:00+00:00"
    assert "<svg" in files[1].read_text()


def test_nothing_to_report_is_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, airflow: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "--from", "2014-01-01", "--to", "2014-01-01T02:00") == 1
    assert "2 intervals or runs: 2 missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "2013-05-02", "--to", "2013-05-01"), "--from: .* must be before --to"),
        (("--from", "yesterday", "--to", "2013-05-01"), "--from: invalid"),
        ((*RANGE, "--plot", "report.pdf"), "--plot: report.pdf must end in .svg or .png"),
        ((*RANGE, "--url", "http://127.0.0.1:1"), "--url: set AIRFLOW_API_TOKEN"),
    ],
)
def test_bad_arguments_are_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.delenv("AIRFLOW_API_TOKEN", raising=False)
    with pytest.raises(SystemExit, match="2"):
        command(monkeypatch, *arguments)
    assert re.search(message, capsys.readouterr().err)


def test_an_airflow_that_does_not_answer_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_API_TOKEN", "token")
    # Nothing listens on port 1 of loopback.
    assert command(monkeypatch, *RANGE, "--url", "http://127.0.0.1:1") == 1
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("judged", [0, 1, 48])
def test_any_number_of_judged_runs_can_be_plotted(tmp_path: Path, judged: int) -> None:
    outcomes = ("accepted", "rejected", "deployed", "stale", "held")
    rows = [
        Row(START + hour * HOUR, START + (hour + 1) * HOUR, "run", "backfill", "success", 1.0)
        if hour >= judged
        else Row(
            START + hour * HOUR,
            START + (hour + 1) * HOUR,
            report=report(outcomes[hour % 5], value=0.06 + hour % 7 / 100),
        )
        for hour in range(50)
    ]
    plot(rows, "flight_delay", tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 10_000
