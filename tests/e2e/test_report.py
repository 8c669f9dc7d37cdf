"""The report of a range, read from a real Airflow."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from scripts.airflow_client import Json
from scripts.airflow_settings import PROJECT
from scripts.local_stack import LocalStack


def test_what_ran_is_reported_and_what_did_not_is_missing(
    stack: LocalStack, retrain: Callable[..., Json], tmp_path: Path
) -> None:
    run = retrain(datetime(2013, 3, 3, 5, tzinfo=UTC), {"deploy_policy": "never", "window_days": 9})
    table, picture = tmp_path / "report.csv", tmp_path / "report.png"
    arguments = ["--state-dir", str(stack.state_dir), "--from", "2013-03-03T04", "--to", "2013-03-03T06"]
    arguments += ["--csv", str(table), "--plot", str(picture)]
    done = subprocess.run(
        [sys.executable, "-m", "scripts.backfill_report", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with table.open() as file:
        ran, missing = csv.DictReader(file)
    assert ran["run_id"] == run["dag_run_id"]
    assert ran["outcome"] in ("accepted", "rejected")
    assert 0 < float(ran["value"]) < 1
    assert ran["window_end"] == "2013-03-03T05:00:00Z"
    assert float(ran["run_seconds"]) > float(ran["execution_seconds"]) > 0
    assert (missing["outcome"], missing["interval_start"]) == ("missing", "2013-03-03T05:00:00+00:00")
    assert ran["value"][:6] in done.stdout
    assert picture.stat().st_size > 10_000
