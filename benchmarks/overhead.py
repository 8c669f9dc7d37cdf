"""What Airflow adds to an execution: our flow against the same flow in the Amazon provider's own parts.

    .venv/bin/python -m benchmarks.overhead --rounds 5

All flows run on one Airflow and one state machine, in turn, on the same data. The stock flow waits in two
ways: with the provider's sensor, poking every second, and with its deferrable operator, polling every second.
Exits with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from statistics import median

from benchmarks.overhead_runs import DEFERRABLE, FLOWS, OURS, SENSOR, BenchmarkStack, Run, Runner, as_json
from benchmarks.parse_time import ParseTime, parse_times
from benchmarks.tables import table, verdicts
from scripts.processes import exit_when_terminated

MAX_OVERHEAD = 0.8
MAX_PARSE_TIME = 1.1
FILES = {
    OURS.dag: "model_retraining.py",
    SENSOR.dag: f"{SENSOR.dag}.py",
    DEFERRABLE.dag: f"{DEFERRABLE.dag}.py",
}


def main() -> int:
    exit_when_terminated()
    given = _arguments()
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        stack = BenchmarkStack(Path(folder))
        try:
            stack.up()
            environment = stack.environment()
            runs = _runs(Runner(stack, given.training_seconds), given.rounds)
        finally:
            stack.down()
        files = {name: stack.dags / FILES[flow.dag] for name, flow in FLOWS.items()}
        parsed = parse_times(list(files.values()), environment, given.parses)
        parse = {name: parsed[file] for name, file in files.items()}
    goals = _goals(runs, parse)
    print(f"\n{_report(runs, parse)}\n\n{verdicts(goals)}")
    if given.json:
        found = {"runs": as_json(runs), "parse": {name: asdict(time) for name, time in parse.items()}}
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if all(held for held, _ in goals) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overhead", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each flow; default: %(default)s")
    parser.add_argument(
        "--parses", type=int, default=7, help="how often each file is parsed; default: %(default)s"
    )
    parser.add_argument(
        "--training-seconds",
        type=float,
        default=15,
        help="by which training, a second here and minutes on AWS, takes longer; default: %(default)s",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    given = parser.parse_args()
    if given.rounds < 1 or given.parses < 1:
        parser.error("--rounds, --parses: at least 1")
    return given


def _runs(runner: Runner, rounds: int) -> dict[str, list[Run]]:
    runner.prepare()
    runs: dict[str, list[Run]] = {name: [] for name in FLOWS}
    for number in range(rounds + 1):
        for name, flow in FLOWS.items():
            run, _ = runner.run(flow)
            label = "warm-up" if number == 0 else f"round {number}"
            print(
                f"  {label}, {name}: run {run.total:.1f} s, execution {run.execution:.1f} s,"
                f" overhead {run.overhead:.2f} s",
                flush=True,
            )
            if number:
                runs[name].append(run)
    return runs


def _overhead(runs: list[Run]) -> float:
    return median(run.overhead for run in runs)


def _held(runs: list[Run]) -> float:
    return median(run.held for run in runs)


def _report(runs: dict[str, list[Run]], parse: dict[str, ParseTime]) -> str:
    ours = next(iter(runs))

    def row(title: str, figures: list[float], digits: int) -> tuple[str, ...]:
        return (title, *(f"{figure:.{digits}f}" for figure in figures))

    rows = [
        row("DAG run, s", [median(run.total for run in found) for found in runs.values()], 2),
        row("execution, s", [median(run.execution for run in found) for found in runs.values()], 2),
        row("overhead, s", [_overhead(found) for found in runs.values()], 2),
        row("  ours / this", [_overhead(runs[ours]) / _overhead(found) for found in runs.values()], 2),
        row("worker held while waiting, s", [_held(found) for found in runs.values()], 1),
        row("parsing the file, CPU ms", [1000 * parse[name].file for name in runs], 0),
        row("  ours / this", [parse[ours].file / parse[name].file for name in runs], 2),
        row("parsing, whole process, CPU ms", [1000 * parse[name].process for name in runs], 0),
        row("  ours / this", [parse[ours].process / parse[name].process for name in runs], 2),
    ]
    return table([f"medians of {len(runs[ours])} runs", *runs], rows)


def _goals(runs: dict[str, list[Run]], parse: dict[str, ParseTime]) -> list[tuple[bool, str]]:
    ours, *stock = runs
    overhead = _overhead(runs[ours]) / min(_overhead(runs[name]) for name in stock)
    held = _held(runs[ours])
    file = parse[ours].file / min(parse[name].file for name in stock)
    process = parse[ours].process / min(parse[name].process for name in stock)
    return [
        (
            overhead <= MAX_OVERHEAD,
            f"overhead at most {MAX_OVERHEAD} of the best stock flow's ({overhead:.2f})",
        ),
        (held == 0, f"no worker is held while waiting ({held:.1f} s)"),
        (file <= MAX_PARSE_TIME, f"the DAG file parses in at most {MAX_PARSE_TIME} of the time ({file:.2f})"),
        (process <= MAX_PARSE_TIME, f"so does it in a process of its own ({process:.2f})"),
    ]


if __name__ == "__main__":
    sys.exit(main())
