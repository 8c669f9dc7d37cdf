"""
Retrain over a range of the past on the local stack, with Airflow's own ``backfill create``.

On SQLite that command can fail while Airflow runs; this one tries again until it has gone through.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scripts.airflow_client import FINISHED, AirflowClient, ApiError, Json
from scripts.airflow_settings import PROJECT
from scripts.components import StackError
from scripts.gate_reports import gate_report
from scripts.local_stack import LocalStack

# Airflow's ranges hold their last moment.
INSTANT = timedelta(microseconds=1)
CREATE_SECONDS = 300
# A run takes some ten seconds; this is for a machine that does much else.
RUN_SECONDS = 300


class BackfillError(Exception):
    """Airflow did not make the backfill, or not all of its runs have ended in time."""


class Backfill:
    """
    A backfill of a DAG, whatever its schedule: of each interval that begins in a range and has no run yet.

    :param stack: which runs it; its DAG is not paused
    :param dag_id: the DAG
    :param start: the range's first moment (UTC)
    :param end: the first moment after the range
    :param conf: of every run
    :param backwards: start with the newest interval
    :param max_active_runs: how many run at once
    :raises BackfillError: when there is nothing to run, or Airflow refuses it
    """

    def __init__(
        self,
        stack: LocalStack,
        dag_id: str,
        start: datetime,
        end: datetime,
        *,
        conf: Mapping[str, Any] | None = None,
        backwards: bool = False,
        max_active_runs: int = 3,
    ) -> None:
        self.stack = stack
        self.dag_id = dag_id
        self._options = ["--max-active-runs", str(max_active_runs), "--dag-run-conf", json.dumps(conf or {})]
        self._options += ["--run-backwards"] * backwards
        # Airflow's own answer: it knows the schedule, and makes no run where there is one, of whatever type.
        self.dates = self.client.backfill_dates(dag_id, start, end - INSTANT)
        if not self.dates:
            raise BackfillError(self._nothing(start, end))
        # A paused DAG's runs are left alone by the scheduler, which does not survive that runs it is about to
        # start are deleted with a backfill.
        self.client.pause(dag_id, True)
        try:
            self._create()
        finally:
            self.client.pause(dag_id, False)

    @property
    def client(self) -> AirflowClient:
        """Return a client of the API server, which may have been started anew, on another port."""
        return self.stack.client()

    def _nothing(self, start: datetime, end: datetime) -> str:
        there = len(self._runs_between(start, end - INSTANT))
        why = f"; {there} have a run already: clear these to run again" if there else ""
        return (
            f"there is no interval to run: none that has ended and has no run begins from {start.isoformat()}"
            f" on and before {end.isoformat()}{why}"
        )

    def _create(self) -> None:
        deadline = time.monotonic() + CREATE_SECONDS
        while True:
            done = self.stack.airflow(
                *("backfill", "create", "--dag-id", self.dag_id, *self._options),
                *("--from-date", self.dates[0].isoformat(), "--to-date", self.dates[-1].isoformat()),
            )
            if done.returncode == 0 and "database is locked" not in done.stdout:
                return
            # Airflow reads in a savepoint and then writes in it, which SQLite refuses at once, without
            # waiting, when somebody else wrote in between. What remains would refuse the next backfill.
            if "database is locked" not in done.stdout or time.monotonic() > deadline:
                raise BackfillError(f"airflow backfill create failed:\n{done.stdout[-2000:]}")
            self.client.cancel_backfills(self.dag_id)

    def runs(self) -> list[Json]:
        """
        Return the runs of its intervals, in their order.

        :raises BackfillError: when one has none
        """
        found = {
            datetime.fromisoformat(run["logical_date"]): run
            for run in self._runs_between(self.dates[0], self.dates[-1])
        }
        if missing := [date.isoformat() for date in self.dates if date not in found]:
            raise BackfillError(f"{self.dag_id} has no run of {', '.join(missing)}")
        return [found[date] for date in self.dates]

    def _runs_between(self, first: datetime, last: datetime) -> list[Json]:
        filters = {"logical_date_gte": first.isoformat(), "logical_date_lte": last.isoformat()}
        return list(self.client.all_runs(self.dag_id, order_by="logical_date", **filters))

    def finished(self) -> int:
        """Return how many of its runs have ended."""
        return sum(run["state"] in FINISHED for run in self.runs())

    def wait(self, timeout_s: float, say: Callable[[str], None] | None = None) -> list[Json]:
        """
        Wait until all runs have ended, and return them.

        :param timeout_s: seconds to wait at most
        :param say: told whenever more runs have ended
        :raises BackfillError: when time is up
        """
        deadline, before = time.monotonic() + timeout_s, 0
        while (ended := self.finished()) < len(self.dates):
            if say and ended > before:
                say(f"{ended} of {len(self.dates)} runs have ended")
            before = ended
            if time.monotonic() > deadline:
                states = {run["dag_run_id"]: run["state"] for run in self.runs()}
                raise BackfillError(f"after {timeout_s:.0f} s {ended} runs have ended: {states}")
            time.sleep(1)
        # Airflow marks a backfill complete up to 30 seconds late, and takes no other until then.
        self.client.cancel_backfills(self.dag_id)
        return self.runs()

    def reports(self) -> dict[datetime, dict[str, Any]]:
        """Return the gate reports, by the end of the window; runs that have none are left out."""
        client, found = self.client, dict[datetime, dict[str, Any]]()
        for run in self.runs():
            report = gate_report(client, self.dag_id, run["dag_run_id"])
            if report is not None:
                found[datetime.fromisoformat(report["window_end"])] = report
        return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.backfills", description=__doc__)
    parser.add_argument(
        "--from",
        dest="start",
        type=_moment,
        required=True,
        help="the range's first moment: 2013-05-01T04 (UTC)",
    )
    parser.add_argument(
        "--to",
        dest="end",
        type=_moment,
        required=True,
        help="the first moment after it: intervals begin before",
    )
    parser.add_argument("--model", default="flight_delay", help="default: %(default)s")
    parser.add_argument("--conf", type=json.loads, default={}, help="params of every run, as JSON")
    parser.add_argument("--backwards", action="store_true", help="start with the newest interval")
    parser.add_argument(
        "--max-active-runs", type=int, default=3, help="runs at a time (default: %(default)s)"
    )
    parser.add_argument("--state-dir", type=Path, default=PROJECT / "build", help="default: %(default)s")
    return parser.parse_args()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def main() -> int:
    """Make a backfill, wait for it, and return the exit code."""
    given = _arguments()
    if given.start >= given.end:
        print(f"error: --from ({given.start}) must be before --to ({given.end})", file=sys.stderr)
        return 1
    try:
        backfill = Backfill(
            LocalStack(given.state_dir),
            f"{given.model}_retraining",
            given.start,
            given.end,
            conf=given.conf,
            backwards=given.backwards,
            max_active_runs=given.max_active_runs,
        )
        runs = backfill.wait(len(backfill.dates) * RUN_SECONDS, say=print)
    except (StackError, BackfillError, ApiError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    first, last = runs[0]["data_interval_start"], runs[-1]["data_interval_end"]
    print(f"retrained {len(runs)} data interval(s), {first} to {last}; `make report` shows what came of them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
