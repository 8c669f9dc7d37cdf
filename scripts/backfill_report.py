"""
The gate reports of a range of data intervals, as one table, a CSV file and a plot.

They are read through Airflow's REST API: of the local stack, or of any Airflow with --url and a token of its
API in the environment variable AIRFLOW_API_TOKEN.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx

from scripts.airflow_client import AirflowClient, ApiError
from scripts.airflow_settings import PROJECT
from scripts.components import StackError
from scripts.demo_report import table
from scripts.local_stack import LocalStack
from scripts.report_rows import Row, read_rows

TOKEN = "AIRFLOW_API_TOKEN"  # noqa: S105 - the variable's name
COLUMNS = (
    *(
        "interval_start",
        "interval_end",
        "run_id",
        "run_type",
        "state",
        "outcome",
        "metric",
        "value",
        "threshold",
    ),
    *(
        "window_start",
        "window_end",
        "execution_seconds",
        "run_seconds",
        "training_job",
        "model_name",
        "remark",
    ),
)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.backfill_report", description=__doc__)
    parser.add_argument("--model", default="flight_delay", help="default: %(default)s")
    parser.add_argument("--from", dest="start", type=_moment, required=True, help="such as 2013-05-01, UTC")
    parser.add_argument(
        "--to", dest="end", type=_moment, required=True, help="the first moment after the range"
    )
    parser.add_argument("--csv", type=Path, help="file to write the table to")
    parser.add_argument("--plot", type=Path, help="file to plot to: .svg or .png")
    parser.add_argument("--url", help="Airflow's address (default: the local stack's)")
    parser.add_argument("--state-dir", type=Path, default=PROJECT / "build", help="the local stack's")
    options = parser.parse_args()
    if options.start >= options.end:
        parser.error(f"--from: {options.start.isoformat()} must be before --to ({options.end.isoformat()})")
    if options.plot and options.plot.suffix not in (".svg", ".png"):
        parser.error(f"--plot: {options.plot} must end in .svg or .png")
    if options.url and not os.environ.get(TOKEN):
        parser.error(f"--url: set {TOKEN} to a token of that Airflow's API")
    return options


def main() -> int:
    """Print, write and plot; 0 when there was something to report."""
    options = _arguments()
    try:
        client = (
            AirflowClient(options.url, token=os.environ[TOKEN])
            if options.url
            else LocalStack(options.state_dir).client()
        )
        rows = read_rows(client, f"{options.model}_retraining", options.start, options.end)
    except (StackError, ApiError, httpx.TransportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(_table(rows))
    print(_summary(rows))
    if options.csv:
        _write(rows, options.csv)
        print(f"table: {options.csv}")
    if options.plot:
        from scripts.report_plot import plot  # matplotlib takes a second to import

        plot(rows, options.model, options.plot)
        print(f"plot:  {options.plot}")
    return 0 if any(row.report for row in rows) else 1


def _table(rows: Sequence[Row]) -> str:
    header = ["interval", "run", "metric", "value", "threshold", "outcome", "duration", ""]
    cells = [
        [
            f"{row.start:%Y-%m-%d %H:%M} to {_end(row)}",
            row.run_type or "-",
            str(row.told("metric") or "-"),
            _number(row.told("value")),
            _number(row.told("threshold")),
            row.outcome,
            "-" if row.seconds is None else f"{row.seconds:.1f} s",
            row.remark,
        ]
        for row in rows
    ]
    return table([header, *cells])


def _end(row: Row) -> str:
    return f"{row.end:%H:%M}" if row.start.date() == row.end.date() else f"{row.end:%Y-%m-%d %H:%M}"


def _summary(rows: Sequence[Row]) -> str:
    counts = Counter(row.outcome for row in rows)
    parts = [f"{count} {outcome}" for outcome, count in counts.most_common()]
    values = [float(value) for row in rows if (value := row.told("value")) is not None]
    span = f"; metric from {min(values):.6f} to {max(values):.6f}" if values else ""
    return f"{len(rows)} intervals or runs: {', '.join(parts) or 'none'}{span}"


def _number(value: object) -> str:
    return f"{value:.6f}" if isinstance(value, float) else "-"


def _write(rows: Sequence[Row], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            told = {name: row.told(name) for name in COLUMNS} | {
                "interval_start": row.start.isoformat(),
                "interval_end": row.end.isoformat(),
                "run_id": row.run_id,
                "run_type": row.run_type,
                "state": row.state,
                "outcome": row.outcome,
                "execution_seconds": row.execution_seconds,
                "run_seconds": row.seconds,
                "remark": row.remark,
            }
            writer.writerow(["" if told[name] is None else told[name] for name in COLUMNS])


if __name__ == "__main__":
    sys.exit(main())
