"""Rejections in a row are counted by the order of the data, in whatever order the database gives them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from retraining.execution.streak import Judged, rejections_before
from retraining.hooks.state_machine import StateMachineHook
from retraining.sensors.gate import AccuracyGateSensor
from tests.unit.conftest import FLIGHT_DELAY
from tests.unit.execution.test_report import GIVEN, entered, event, exited, metrics

ARN = "arn:aws:states:us-east-1:123456789012:execution:model-retraining-flight_delay:a-run"
START = datetime(2013, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ENDED: dict[str, dict[str, str]] = {
    "accepted": {"status": "SUCCEEDED", "output": '{"Outcome": "accepted"}'},
    "rejected": {"status": "FAILED", "error": "ModelAccuracyTooLow"},
    "failed": {"status": "FAILED", "error": "States.TaskFailed"},
}


@dataclass(eq=False)
class Run:
    """A DAG run.

    :param date: its logical date, or of one without, which the command line makes, the moment it was made.
    """

    date: datetime
    has_logical_date: bool = True
    map_index: int = -1
    xcoms: dict[str, Any] = field(default_factory=dict)


class Airflow:
    """XComs of one task, read as Airflow 3.3 reads them on PostgreSQL (``XComModel.get_many``)."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.reads = 0

    def pull(
        self,
        run: Run,
        *,
        task_ids: str,
        include_prior_dates: bool,
        key: str = "return_value",
        map_indexes: int | None = None,
    ) -> Any:
        assert (task_ids, include_prior_dates) == ("gate", True)
        self.reads += 1
        # The newest first, and where there is no logical date, before all others: NULLS FIRST.
        found = sorted(
            (other for other in self.runs if other.date <= run.date and key in other.xcoms),
            key=lambda other: (not other.has_logical_date, other.date),
            reverse=True,
        )
        if map_indexes is None:
            # By map index alone: those of a task that is not mapped come as the database has them.
            values = [other.xcoms[key] for other in self.runs if other in found]
            return (values[0] if len(values) == 1 else values) or None
        return next((other.xcoms[key] for other in found if other.map_index == map_indexes), None)

    def retrain(
        self,
        outcome: str,
        window_end: datetime,
        run: Run | None = None,
        *,
        ended: datetime | None = None,
        limit: int | None = None,
    ) -> int:
        """Judge a model in a run; give its rejections in a row."""
        run = run or Run(window_end)
        execution = {
            "executionArn": ARN,
            "input": json.dumps({**GIVEN, "WindowEnd": f"{window_end:%Y-%m-%dT%H:%M:%SZ}"}),
            "stopDate": ended or run.date + HOUR,
            **ENDED[outcome],
        }
        end = "ExecutionFailed" if outcome != "accepted" else "ExecutionSucceeded"
        history = [entered("Read metrics", 0), exited("Read metrics", 1, metrics(0.127)), event(end, 1)]
        ti = SimpleNamespace(
            task_id="gate",
            map_index=run.map_index,
            id="a-try",
            xcom_push=lambda key, value: run.xcoms.update({key: json.loads(json.dumps(value))}),
            xcom_pull=lambda **how: self.pull(run, **how),
        )
        run.xcoms.clear()
        if run not in self.runs:
            self.runs.append(run)
        sensor = AccuracyGateSensor(
            task_id="gate", execution_arn=ARN, model_folder=FLIGHT_DELAY, max_consecutive_rejections=limit
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(StateMachineHook, "describe_execution", lambda *_: execution)
            patch.setattr(StateMachineHook, "history", lambda *_: history)
            try:
                run.xcoms["return_value"] = sensor.execute({"ti": ti})  # type: ignore[typeddict-item]
            except (AirflowSkipException, AirflowFailException) as verdict:
                if limit and "in a row" in str(verdict):
                    raise
        return int(run.xcoms["return_value"]["consecutive_rejections"])


def hours(airflow: Airflow, *outcomes: str, first: int = 0) -> list[int]:
    return [airflow.retrain(outcome, START + (first + n) * HOUR) for n, outcome in enumerate(outcomes)]


def test_a_run_without_a_logical_date_does_not_stop_the_count() -> None:
    airflow = Airflow()
    assert hours(airflow, "accepted", "rejected") == [0, 1]
    by_hand = Run(START + 1.5 * HOUR, has_logical_date=False)
    assert airflow.retrain("rejected", by_hand.date, by_hand) == 2
    assert hours(airflow, "rejected", "rejected", "rejected", first=2) == [3, 4, 5]
    # The next hour's model that passes ends the row, though that of the run by hand did not.
    assert hours(airflow, "accepted", "rejected", first=5) == [0, 1]


def test_a_row_of_runs_without_logical_dates_is_counted() -> None:
    airflow = Airflow()
    runs = [Run(START + n * HOUR, has_logical_date=False) for n in range(3)]
    assert [airflow.retrain("rejected", run.date, run) for run in runs] == [1, 2, 3]


def test_the_limit_is_reached_after_a_run_by_hand() -> None:
    airflow = Airflow()
    by_hand = Run(START, has_logical_date=False)
    airflow.retrain("rejected", by_hand.date, by_hand)
    hours(airflow, "rejected", first=1)
    with pytest.raises(AirflowFailException, match="Rejected 3 times in a row"):
        airflow.retrain("rejected", START + 2 * HOUR, limit=3)


def test_a_run_by_hand_counts_where_its_window_ends_and_not_when_it_ran() -> None:
    airflow = Airflow()
    assert hours(airflow, "accepted", "rejected") == [0, 1]
    # Made later than all others, for data before them.
    late = Run(START + 50 * HOUR, has_logical_date=False)
    assert airflow.retrain("accepted", START + 0.5 * HOUR, late) == 0
    later = Run(START + 51 * HOUR, has_logical_date=False)
    assert airflow.retrain("rejected", START + 2 * HOUR, later) == 2


def test_runs_that_end_out_of_order_are_counted_in_the_order_of_their_data() -> None:
    airflow = Airflow()
    airflow.retrain("accepted", START)
    airflow.retrain("rejected", START + 2 * HOUR)
    airflow.retrain("rejected", START + HOUR)
    assert airflow.retrain("rejected", START + 3 * HOUR) == 3


def test_models_of_one_window_count_in_the_order_they_were_judged_in() -> None:
    airflow = Airflow()
    runs = [Run(START + n * HOUR) for n in range(3)]
    assert [airflow.retrain("rejected", START, run) for run in runs] == [1, 2, 3]
    # Reporting again on the first changes nothing.
    assert airflow.retrain("rejected", START, runs[0]) == 1


def test_a_model_that_was_never_judged_neither_counts_nor_interrupts() -> None:
    airflow = Airflow()
    assert hours(airflow, "rejected", "failed", "rejected") == [1, 1, 2]


def test_a_run_that_trains_again_and_passes_ends_the_row() -> None:
    airflow = Airflow()
    hours(airflow, "rejected", "rejected")
    airflow.retrain("accepted", START + HOUR, airflow.runs[1])
    assert hours(airflow, "rejected", first=2) == [1]


def test_the_row_goes_on_over_the_months() -> None:
    airflow = Airflow()
    months = [datetime(2013, month, 1, tzinfo=UTC) for month in (1, 2, 3, 12)]
    months.append(datetime(2014, 12, 1, tzinfo=UTC))
    assert [airflow.retrain("rejected", month) for month in months] == [1, 2, 3, 4, 5]


def test_what_was_reported_before_a_run_left_more_than_its_report_is_counted_on() -> None:
    airflow = Airflow()
    old = Run(
        START, xcoms={"return_value": {"window_end": "2013-05-01T00:00:00Z", "consecutive_rejections": 4}}
    )
    airflow.runs.append(old)
    assert hours(airflow, "rejected", "rejected", first=1) == [5, 6]
    # It is no report before one of earlier data.
    early = Run(START + 9 * HOUR, has_logical_date=False)
    assert airflow.retrain("rejected", datetime(2013, 4, 1, tzinfo=UTC), early) == 1


def test_mapped_gates_count_for_themselves() -> None:
    airflow = Airflow()
    for hour in range(3):
        for map_index, outcome in enumerate(("rejected", "accepted" if hour == 1 else "rejected")):
            run = Run(START + hour * HOUR, map_index=map_index)
            count = airflow.retrain(outcome, run.date, run)
            assert count == ((1, 2, 3), (1, 0, 1))[map_index][hour]


def test_a_model_that_passes_needs_no_history() -> None:
    airflow = Airflow()
    hours(airflow, "accepted", "accepted")
    assert airflow.reads == 0


def test_nothing_before_is_no_row() -> None:
    assert rejections_before(Judged("2013-05-01T00:00:00Z", ""), []) is None
