"""With a pool that is full, the hourly run comes before a backfill."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from scripts.airflow_client import AirflowClient, Json
from scripts.local_stack import LocalStack
from tests.e2e.backfills import RetrainBackfill
from tests.e2e.conftest import DAG
from tests.e2e.waiting import wait_until

POOL = "flight_delay"
FIRST = "deploy_workflow"


def set_slots(client: AirflowClient, slots: int) -> None:
    body = {"pool": POOL, "slots": slots, "include_deferred": False}
    client.request("PATCH", f"/api/v2/pools/{POOL}?update_mask=slots", body)


@pytest.fixture
def full_pool(client: AirflowClient, idle: None) -> Iterator[None]:
    set_slots(client, 0)
    yield
    set_slots(client, 8)


def first_task(client: AirflowClient, run: Json) -> Json:
    return client.task_instances(DAG, run["dag_run_id"]).get(FIRST, {"state": None})


@pytest.mark.heavy
def test_tasks_of_a_run_by_hand_start_before_those_of_a_backfill(
    stack: LocalStack, client: AirflowClient, full_pool: None
) -> None:
    backfill = RetrainBackfill(stack, datetime(2013, 6, 1, tzinfo=UTC), 3)
    runs = backfill.runs()
    wait_until(
        lambda: {first_task(client, run)["state"] for run in runs} == {"scheduled"},
        timeout_s=60,
        what="the backfill's tasks waiting for a slot",
    )
    by_hand = client.trigger(DAG, conf={"deploy_policy": "never"})
    wait_until(
        lambda: first_task(client, by_hand)["state"] == "scheduled",
        timeout_s=60,
        what="the task of the run by hand waiting for a slot",
    )
    weights = {first_task(client, run)["priority_weight"] for run in runs}
    assert weights == {1}
    assert first_task(client, by_hand)["priority_weight"] > 1

    set_slots(client, 1)

    everybody = [*runs, by_hand]
    wait_until(
        lambda: all(first_task(client, run)["state"] == "success" for run in everybody),
        timeout_s=120,
        what="the first tasks of all four runs",
    )
    started = {run["dag_run_id"]: first_task(client, run)["start_date"] for run in everybody}
    assert min(started, key=lambda run: started[run]) == by_hand["dag_run_id"]
    client.cancel_backfills(DAG)
    for run in everybody:
        path = f"/api/v2/dags/{DAG}/dagRuns/{quote(run['dag_run_id'], safe='')}"
        client.request("PATCH", path, {"state": "failed"})
        client.request("DELETE", path, {})
