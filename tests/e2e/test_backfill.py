"""Historical retrains: each hour once, with the plain script's metrics, and no older model deployed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scripts.airflow_client import AirflowClient
from scripts.components import AIRFLOW_COMPONENTS
from scripts.local_stack import LocalStack
from tests.e2e.backfills import RetrainBackfill
from tests.e2e.conftest import DAG
from tests.e2e.waiting import wait_until

pytestmark = pytest.mark.usefixtures("idle")


def served(stack: LocalStack, endpoint: str) -> str | None:
    """The endpoint config that an endpoint serves."""
    sagemaker = stack.aws("sagemaker")
    if not sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"]:
        return None
    config: str = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    return config


def retrain_history(stack: LocalStack, first: datetime, hours: int, folder: Path) -> None:
    before = served(stack, "flight-delay")
    backfill = RetrainBackfill(stack, first, hours)
    runs = backfill.wait(60 + 30 * hours)
    assert {run["state"] for run in runs} == {"success"}
    intervals = [(run["data_interval_start"], run["data_interval_end"]) for run in runs]
    assert [datetime.fromisoformat(end) for _, end in intervals] == backfill.ends
    assert all(
        datetime.fromisoformat(end) - datetime.fromisoformat(start) == timedelta(hours=1)
        for start, end in intervals
    )
    reports = backfill.reports()
    assert {report["outcome"] for report in reports.values()} <= {"accepted", "rejected"}
    errors = {end: report["value"] for end, report in reports.items()}
    assert errors == pytest.approx(backfill.plain_errors(folder), abs=1e-6)
    assert served(stack, "flight-delay") == before


def deploy_history_backwards(stack: LocalStack, first: datetime, hours: int, endpoint: str) -> None:
    # Between the errors of these hours, so that some are rejected.
    conf = {"deploy_policy": "if_newer", "endpoint": endpoint, "threshold": 0.0575}
    backfill = RetrainBackfill(stack, first, hours, conf=conf, backwards=True)
    backfill.wait(60 + 30 * hours)
    reports = backfill.reports()
    assert len(reports) == hours
    accepted = {end: report for end, report in reports.items() if report["outcome"] != "rejected"}
    assert {report["outcome"] for report in accepted.values()} <= {"deployed", "stale"}
    newest = accepted[max(accepted)]
    assert newest["outcome"] == "deployed"
    assert served(stack, endpoint) == newest["model_name"]


def survive_a_crash(stack: LocalStack, first: datetime, hours: int) -> None:
    backfill = RetrainBackfill(stack, first, hours)
    wait_until(lambda: backfill.finished() >= hours // 4, timeout_s=60 + 30 * hours, what="a part to end")
    for component in AIRFLOW_COMPONENTS:
        stack.stop(component, kill=True)
    stack.up()
    runs = backfill.wait(240 + 30 * hours)
    assert {run["state"] for run in runs} == {"success"}
    assert len(backfill.reports()) == hours
    executions = backfill.executions()
    assert len(executions) == hours
    assert all(statuses in (["SUCCEEDED"], ["FAILED"]) for statuses in executions.values()), executions
    assert len(backfill.training_jobs()) == hours


def test_backfill_of_four_hours(stack: LocalStack, tmp_path: Path) -> None:
    retrain_history(stack, datetime(2013, 5, 5, 4, tzinfo=UTC), 4, tmp_path)


@pytest.mark.heavy
def test_backfill_in_reverse_order_leaves_the_newest_accepted_interval_serving(stack: LocalStack) -> None:
    deploy_history_backwards(stack, datetime(2013, 9, 27, 4, tzinfo=UTC), 4, "backwards")


@pytest.mark.heavy
def test_a_crash_of_all_of_airflow_in_a_backfill_loses_and_repeats_nothing(stack: LocalStack) -> None:
    survive_a_crash(stack, datetime(2013, 6, 2, 4, tzinfo=UTC), 4)


@pytest.mark.heavy
def test_an_hour_that_was_run_by_hand_is_left(stack: LocalStack, client: AirflowClient) -> None:
    first = datetime(2013, 5, 7, 4, tzinfo=UTC)
    by_hand = client.trigger(DAG, logical_date=first, conf={"deploy_policy": "never"})
    backfill = RetrainBackfill(stack, first + timedelta(hours=1), 2)
    runs = backfill.wait(120)
    assert [run["logical_date"] for run in runs] == ["2013-05-07T05:00:00Z"]
    assert by_hand["dag_run_id"] not in str(runs)


@pytest.mark.heavy
def test_backfill_of_48_hours(stack: LocalStack, tmp_path: Path) -> None:
    retrain_history(stack, datetime(2013, 8, 31, tzinfo=UTC), 48, tmp_path)


@pytest.mark.heavy
def test_backfill_of_48_hours_in_reverse_order(stack: LocalStack) -> None:
    deploy_history_backwards(stack, datetime(2013, 9, 25, tzinfo=UTC), 48, "backwards-48")


@pytest.mark.heavy
def test_a_crash_in_a_backfill_of_48_hours(stack: LocalStack) -> None:
    survive_a_crash(stack, datetime(2013, 9, 5, tzinfo=UTC), 48)
