"""When AWS is away: what the task log says, and that a retrain works once AWS is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from scripts.airflow_client import AirflowClient, Json
from scripts.local_stack import LocalStack
from tests.e2e.conftest import DAG, RUN_TIMEOUT_S, running_stack
from tests.e2e.waiting import wait_until

# It needs a stack of its own, which takes a minute to start.
pytestmark = pytest.mark.heavy

HOUR = datetime(2013, 4, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One of its own: the embedded AWS keeps everything in memory, and loses it here."""
    with running_stack(tmp_path_factory.mktemp("unreachable")) as stack:
        yield stack


@pytest.fixture(scope="module")
def client(stack: LocalStack) -> AirflowClient:
    return stack.client()


@pytest.mark.usefixtures("idle")
def test_an_unreachable_aws_is_one_clear_line_and_its_return_makes_all_well(
    stack: LocalStack,
    client: AirflowClient,
    report_of: Callable[[Json], dict[str, Any]],
) -> None:
    stack.stop("aws")
    try:
        conf = {"threshold": 1, "deploy_policy": "force"}
        run = client.trigger(DAG, logical_date=HOUR, conf=conf)["dag_run_id"]
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

    # The task's own retry finds AWS again.
    ended = client.wait_for_run(DAG, run, timeout_s=RUN_TIMEOUT_S)
    assert ended["state"] == "success"
    assert report_of(ended)["outcome"] == "deployed"
