"""What a backfill costs: short against long, and against a bare loop of the same work without orchestration.

    python -m benchmarks.backfill --short 24 --long 192

The long backfill runs at the parallelism of the short one, on the same Airflow, after it. The bare loop does
the same ETL and training for the short one's windows, in one process: what it leaves out is the price of
Airflow, Step Functions and their services, embedded ones here, on this machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bare_loop import HOUR, bare_loop
from benchmarks.stack_cpu import cpu_seconds
from benchmarks.tables import table, verdicts
from scripts.backfills import Backfill
from scripts.local_stack import LocalStack
from scripts.processes import exit_when_terminated

DAG = "flight_delay_retraining"
# All of these hours are accepted and none is missing; a backfill deploys none.
FIRST = datetime(2013, 8, 30, tzinfo=UTC)
RUN_SECONDS = 120
FLAT = 1.15


@dataclass(frozen=True)
class Cost:
    """What retraining a number of intervals took.

    :param runs: how many there were.
    :param seconds: from the first one's start to the last one's end.
    :param cpu: CPU seconds by component.
    """

    runs: int
    seconds: float
    cpu: Mapping[str, float]

    @property
    def seconds_per_run(self) -> float:
        """Mean seconds a run, of all that ran side by side."""
        return self.seconds / self.runs

    @property
    def cpu_per_run(self) -> float:
        """Mean CPU seconds a run."""
        return sum(self.cpu.values()) / self.runs


class BackfillStack(LocalStack):
    """A local stack that reads its DAG files as seldom as Airflow does by default."""

    def environment(self) -> dict[str, str]:
        """Return the environment of the Airflow components."""
        return super().environment() | {"AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30"}


def measured(stack: LocalStack, first: datetime, runs: int, parallel: int) -> Cost:
    """Run a backfill, and measure it.

    :raises RuntimeError: when a run fails or has no report.
    """
    before = cpu_seconds(stack)
    backfill = Backfill(stack, DAG, first - HOUR, first + (runs - 1) * HOUR, max_active_runs=parallel)
    ended = backfill.wait(RUN_SECONDS * runs, say=_say)
    cpu = cpu_seconds(stack)
    cpu.subtract(before)
    states = {run["state"] for run in ended}
    if states != {"success"} or len(backfill.reports()) != runs:
        raise RuntimeError(f"the backfill's runs are {states}, with {len(backfill.reports())} reports")
    began = min(datetime.fromisoformat(run["start_date"]) for run in ended)
    last = max(datetime.fromisoformat(run["end_date"]) for run in ended)
    return Cost(runs, (last - began).total_seconds(), dict(cpu))


def main() -> int:
    """Measure, print, and say whether the goal holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backfill", description=__doc__)
    parser.add_argument("--short", type=int, default=24, help="intervals of the short backfill (%(default)s)")
    parser.add_argument("--long", type=int, default=192, help="intervals of the long one (%(default)s)")
    parser.add_argument("--parallel", type=int, default=3, help="runs at a time (%(default)s)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    exit_when_terminated()
    with tempfile.TemporaryDirectory(prefix="backfill-") as folder:
        stack = BackfillStack(Path(folder) / "stack", say=_say)
        try:
            stack.up()
            _settle(stack)
            short = measured(stack, FIRST, given.short, given.parallel)
            long = measured(stack, FIRST + given.short * HOUR, given.long, given.parallel)
            seconds, cpu = bare_loop(stack, FIRST, given.short, Path(folder) / "flights")
            loop = Cost(given.short, seconds, {"bare loop": cpu})
        finally:
            stack.down()
    costs = {f"{short.runs} runs": short, f"{long.runs} runs": long, "bare loop": loop}
    sys.stdout.write(f"{_shown(costs, given.parallel)}\n")
    ratio = long.seconds_per_run / short.seconds_per_run
    price = (short.seconds_per_run / loop.seconds_per_run, short.cpu_per_run / loop.cpu_per_run)
    sys.stdout.write(
        f"price of orchestration: {price[0]:.1f} times the seconds, {price[1]:.1f} times the CPU\n"
    )
    goals = [
        (ratio <= FLAT, f"a run of the long backfill takes {ratio:.2f} of a short one's (at most {FLAT})")
    ]
    sys.stdout.write(f"{verdicts(goals)}\n")
    if given.json:
        given.json.write_text(json.dumps({name: asdict(cost) for name, cost in costs.items()}, indent=2))
    return 0 if all(held for held, _ in goals) else 1


def _settle(stack: LocalStack) -> None:
    """Let the schedule's own run and the compiling of the workflow be over."""
    Backfill(stack, DAG, FIRST - 2 * HOUR, FIRST - HOUR).wait(RUN_SECONDS * 3)


def _shown(costs: Mapping[str, Cost], parallel: int) -> str:
    rows = [
        ("seconds a run", *(f"{cost.seconds_per_run:.2f}" for cost in costs.values())),
        ("runs a minute", *(f"{60 / cost.seconds_per_run:.1f}" for cost in costs.values())),
        ("CPU seconds a run", *(f"{cost.cpu_per_run:.2f}" for cost in costs.values())),
    ]
    # The scheduler's processes are its workers too.
    for part in sorted({name for cost in costs.values() for name in cost.cpu}):
        spent = (cost.cpu[part] / cost.runs if part in cost.cpu else None for cost in costs.values())
        rows.append((f"  {part}", *("" if value is None else f"{value:.2f}" for value in spent)))
    return table((f"{parallel} runs at a time", *costs), rows)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
