"""Housekeeping through a real Airflow; what it decides is tested on a thousand models elsewhere."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from scripts.airflow_client import AirflowClient, ApiError, Json
from scripts.airflow_settings import PROJECT
from scripts.local_stack import LocalStack
from tests.e2e.conftest import RUN_TIMEOUT_S

HOUSEKEEPING = "retraining_housekeeping"
pytestmark = pytest.mark.usefixtures("idle")


def keep_house(client: AirflowClient, **conf: Any) -> tuple[Json, Json]:
    """Run it; the run, and what it says of the first model."""
    run = client.trigger(HOUSEKEEPING, conf=conf)
    ended = client.wait_for_run(HOUSEKEEPING, run["dag_run_id"], timeout_s=RUN_TIMEOUT_S)
    return ended, client.xcom(HOUSEKEEPING, run["dag_run_id"], "remove_leftovers", map_index=0)


def models(stack: LocalStack) -> set[str]:
    pages = stack.aws("sagemaker").get_paginator("list_models").paginate()
    return {model["ModelName"] for page in pages for model in page["Models"]}


def test_it_removes_nothing_that_is_young(stack: LocalStack, client: AirflowClient) -> None:
    client.pause(HOUSEKEEPING, False)
    with pytest.raises(ApiError, match="no_such_model"):
        keep_house(client, model="no_such_model")
    before = models(stack)
    assert before

    run, planned = keep_house(client, dry_run=True, model="flight_delay")
    assert run["state"] == "success"
    assert planned["dry_run"] is True
    assert planned["beyond_retention"]["runs"] == 0
    assert "served by flight-delay" in planned["kept"]
    assert sum(planned["kept"].values()) >= len(before)

    run, done = keep_house(client)
    assert run["state"] == "success"
    assert (done["model"], done["dry_run"]) == ("flight_delay", False)
    assert done["removed"] == {"bytes": 0}
    assert models(stack) >= before


def test_the_command_prints_the_plan(stack: LocalStack) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.housekeeping", "--state-dir", stack.state_dir],
        cwd=PROJECT,
        env={"PYTHONPATH": "plugins"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "flight_delay: keeps the newest 50 runs, and 30 days" in done.stdout
    assert "served by flight-delay" in done.stdout
    assert done.stdout.splitlines()[-1].strip().startswith("0 of ")
