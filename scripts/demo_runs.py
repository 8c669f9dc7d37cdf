"""The demo's DAG runs: started over Airflow's REST API, and followed on the screen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from scripts.airflow_client import AirflowClient, ApiError, Json
from scripts.gate_reports import gate_report

DAG = "flight_delay_retraining"
RUN_TIMEOUT_S = 300
_SCHEDULER_TIMEOUT_S = 30


class DemoError(Exception):
    """Something that the demo promises does not hold."""


@dataclass(frozen=True)
class Retrain:
    """
    A finished DAG run and what its gate reported.

    :param run: the run as the REST API describes it
    :param report: the gate report
    """

    run: Json
    report: dict[str, Any]

    @property
    def seconds(self) -> float:
        """From the run's start to its end."""
        return (_time(self.run["end_date"]) - _time(self.run["start_date"])).total_seconds()


def await_scheduled(client: AirflowClient, say: Callable[[str], None]) -> None:
    """
    Let the DAG's own schedule have its turn: unpause it, and wait for the run it starts and for all others.

    With catchup off, a DAG that is unpaused retrains the newest whole hour at once.

    :param client: Airflow
    :param say: takes a line of progress
    """
    if client.dags()[DAG]["is_paused"]:
        say("unpausing the DAG; its hourly schedule starts by itself with the newest hour")
        client.pause(DAG, False)
        deadline = time.monotonic() + _SCHEDULER_TIMEOUT_S
        while not client.runs(DAG, run_type="scheduled"):
            if time.monotonic() > deadline:
                raise DemoError(f"the scheduler started no run within {_SCHEDULER_TIMEOUT_S} s of unpausing")
            time.sleep(0.5)
    for state in ("running", "queued"):
        for run in client.runs(DAG, state=state):
            retrain = _follow(client, run, say)
            say(f"  the schedule's own run: {retrain.report['outcome']}")


def retrain_newest(client: AirflowClient, say: Callable[[str], None]) -> Retrain:
    """Retrain on the data up to the last whole hour."""
    return _retrain(client, datetime.now(UTC), say)


def retrain_historical(client: AirflowClient, hour: datetime, say: Callable[[str], None]) -> Retrain:
    """
    Retrain on the window that ends at an hour of the past.

    :param client: Airflow
    :param hour: end of the data interval (UTC)
    :param say: takes a line of progress
    """
    # A logical date serves once for a DAG, but every moment before the next full hour means this interval.
    used = client.runs(
        DAG, logical_date_gte=hour.isoformat(), logical_date_lt=(hour + timedelta(hours=1)).isoformat()
    )
    latest = max((_time(run["logical_date"]) for run in used), default=hour - timedelta(seconds=1))
    return _retrain(client, latest + timedelta(seconds=1), say)


def _retrain(client: AirflowClient, logical_date: datetime, say: Callable[[str], None]) -> Retrain:
    try:
        run = client.trigger(DAG, logical_date=logical_date)
    except ApiError as error:
        raise DemoError(f"Airflow refused the run: {error}") from error
    return _follow(client, run, say)


def _follow(client: AirflowClient, run: Json, say: Callable[[str], None]) -> Retrain:
    began = time.monotonic()
    say(f"run {run['dag_run_id']}, data up to {run['data_interval_end']}")

    shown: dict[str, str] = {}

    def show(_run: Json, states: dict[str, str]) -> None:
        for task, state in states.items():
            if state not in ("-", "scheduled", "queued", shown.get(task)):
                say(f"  {time.monotonic() - began:5.1f} s  {task}: {state}")
                shown[task] = state

    try:
        run = client.wait_for_run(DAG, run["dag_run_id"], timeout_s=RUN_TIMEOUT_S, on_change=show)
    except TimeoutError as error:
        raise DemoError(str(error)) from error
    report = gate_report(client, DAG, run["dag_run_id"])
    if report is None:
        raise DemoError(
            f"run {run['dag_run_id']} ended {run['state']} without a gate report; its log is at "
            f"{client.url}/dags/{DAG}/runs/{run['dag_run_id']}"
        )
    return Retrain(run, report)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
