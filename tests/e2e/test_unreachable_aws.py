"""When AWS is away: what the task log says, and that a retrain works once AWS is back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scripts.airflow_client import AirflowClient, Json
from scripts.local_stack import LocalStack
from tests.e2e.conftest import DAG
from tests.e2e.waiting import wait_until

HOUR = datetime(2013, 4, 1, tzinfo=UTC)


@pytest.mark.usefixtures("idle")
def test_an_unreachable_aws_is_one_clear_line_and_its_return_makes_all_well(
    stack: LocalStack,
    client: AirflowClient,
    retrain: Callable[..., Json],
    report_of: Callable[[Json], dict[str, Any]],
) -> None:
    # The embedded AWS keeps everything in memory: what comes back knows nothing of the runs before.
    stack.stop("aws")
    try:
        run = client.trigger(DAG, logical_date=HOUR)["dag_run_id"]
        wait_until(
            lambda: client.task_instances(DAG, run)["deploy_workflow"]["state"] in ("failed", "up_for_retry"),
            timeout_s=60,
            what="deploy_workflow's failure",
        )
        log = client.log(DAG, run, "deploy_workflow")
    finally:
        stack.up()
    assert log.count("AWS cannot be reached") == 1, log
    (line,) = [line for line in log.splitlines() if "AWS cannot be reached" in line]
    assert "'aws_default'" in line
    assert stack.aws_url in line

    report = report_of(retrain(HOUR + timedelta(hours=1), {"threshold": 1, "deploy_policy": "force"}))
    assert report["outcome"] == "deployed"
