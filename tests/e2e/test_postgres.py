"""The same orchestration on PostgreSQL, which locks rows and keeps times and JSON unlike SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text

from include.local_aws.control import Control
from scripts.airflow_client import AirflowClient
from scripts.gate_reports import gate_report
from scripts.local_stack import LocalStack
from scripts.report_rows import read_rows
from tests.e2e import test_backfill as test_backfills
from tests.e2e import test_report, test_retraining
from tests.e2e.conftest import DAG, RUN_TIMEOUT_S, running_stack
from tests.e2e.postgres import programs, running_postgres
from tests.e2e.retrain_runs import RetrainRun
from tests.e2e.waiting import wait_until

# The first run of all compiles the state machine; no test's own run is to wait for that.
pytestmark = [pytest.mark.heavy, pytest.mark.usefixtures("idle")]

EVENING = datetime(2013, 11, 5, 20, tzinfo=UTC)
# Thresholds that any model meets, and none.
ANY, NONE = 0.9, 0.0001


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    binaries = programs()
    if binaries is None:
        pytest.skip("no initdb on PATH or below /usr/lib/postgresql: Debian's package is postgresql")
    with running_postgres(binaries) as url:
        yield url


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[LocalStack]:
    """One of its own, whose Airflow has that database."""
    with running_stack(tmp_path_factory.mktemp("postgres"), database=database) as stack:
        yield stack


@pytest.fixture
def control(stack: LocalStack) -> Iterator[Control]:
    control = Control(stack.aws_url)
    yield control
    control.clear_faults()


@pytest.fixture(scope="module")
def client(stack: LocalStack) -> AirflowClient:
    return stack.client()


# The same tests as on SQLite; fixtures are found where a test is.
test_a_rejection = test_retraining.test_a_historical_window_is_rejected_and_the_run_is_green
test_no_deployment = test_retraining.test_a_run_of_its_own_threshold_and_policy_is_accepted_but_not_deployed
test_backfill = test_backfills.test_backfill_of_four_hours
test_backfill_in_reverse = (
    test_backfills.test_backfill_in_reverse_order_leaves_the_newest_accepted_interval_serving
)
test_crash_in_a_backfill = (
    test_backfills.test_a_crash_of_all_of_airflow_in_a_backfill_loses_and_repeats_nothing
)
test_range_report = test_report.test_what_ran_is_reported_and_what_did_not_is_missing


def judge(client: AirflowClient, hour: int, threshold: float, *, dated: bool = True) -> int:
    """Retrain for an hour with a threshold that no model meets, or any; gives the rejections in a row."""
    conf = {
        "window_end": (EVENING + timedelta(hours=hour)).isoformat(),
        "window_days": 9,
        "threshold": threshold,
        "hyperparameters": {"num_round": 3},
        "deploy_policy": "never",
    }
    date = datetime.now(UTC) if dated else None
    run_id = client.trigger(DAG, logical_date=date, conf=conf)["dag_run_id"]
    assert client.wait_for_run(DAG, run_id, timeout_s=RUN_TIMEOUT_S)["state"] == "success"
    report = gate_report(client, DAG, run_id)
    assert report is not None
    return int(report["consecutive_rejections"])


def test_a_run_without_a_logical_date_does_not_stop_the_count_of_rejections(client: AirflowClient) -> None:
    """PostgreSQL sorts it before all others, and so the report that it left."""
    assert judge(client, 0, ANY) == 0
    assert judge(client, 1, NONE) == 1
    assert judge(client, 2, NONE, dated=False) == 2
    assert [judge(client, hour, NONE) for hour in (3, 4)] == [3, 4]
    # It is for data between the others', whatever its run's date.
    assert judge(client, 1, ANY, dated=False) == 0
    assert judge(client, 5, NONE) == 4


def test_a_rerun_that_could_not_start_has_no_report(stack: LocalStack, control: Control) -> None:
    run = RetrainRun(stack, {"window_days": 9})
    assert run.ended() == "success"
    assert run.report()["outcome"] == "accepted"
    control.fail_call("stepfunctions.StartExecution", "AccessDeniedException", 400, times=None)
    run.clear()
    wait_until(lambda: run.state("start_execution") != "success", timeout_s=30, what="the run cleared")
    assert run.ended() == "failed"
    assert run.state("accuracy_gate") == "upstream_failed"
    end = datetime.now(UTC) + timedelta(minutes=1)
    rows = {row.run_id: row for row in read_rows(run.client, DAG, end - timedelta(hours=1), end)}
    assert (rows[run.run_id].outcome, rows[run.run_id].report) == ("no report", None)
    assert "start_execution failed" in rows[run.run_id].remark


def test_whatever_a_job_wrote_is_reported(stack: LocalStack, control: Control) -> None:
    """JSON has no NUL on PostgreSQL."""
    run = RetrainRun(stack, {"window_days": 9})
    control.fail_job("sagemaker", f"{run.name()}-*", reason="ClientError: not a number: 1\0", times=None)
    assert run.ended() == "failed"
    assert run.report()["cause"] == "ClientError: not a number: 1\N{REPLACEMENT CHARACTER}"


def test_runs_are_scheduled_gated_redriven_and_killed(
    stack: LocalStack, client: AirflowClient, control: Control, database: str
) -> None:
    (first, *_) = client.runs(DAG, run_type="scheduled")
    assert client.xcom(DAG, first["dag_run_id"], "accuracy_gate")["outcome"] == "deployed"
    killed, failed = RetrainRun(stack), RetrainRun(stack)
    control.delay_job("sagemaker", f"{killed.name()}-*", seconds=300, times=1)
    control.fail_job("sagemaker", f"{failed.name()}-*", times=1)
    rejected = RetrainRun(stack, {"threshold": 0.001})
    wait_until(killed.is_waited_for, timeout_s=60, what="a wait in the triggerer")
    killed.mark_failed()
    assert killed.ended() == "failed"
    assert killed.report()["outcome"] == "aborted"

    assert rejected.ended() == "success"
    assert rejected.report()["outcome"] == "rejected"

    assert failed.ended() == "failed"
    failed.clear("wait_for_execution", "accuracy_gate", "publish_report")
    wait_until(lambda: failed.state() != "failed", timeout_s=30, what="the run cleared")
    assert failed.ended() == "success"
    assert len(failed.executions()) == 1, "it was redriven"

    # All of it was kept there, and nowhere else.
    assert not (stack.home / "airflow.db").exists()
    ended = text("SELECT count(*) FROM dag_run WHERE dag_id = :dag AND state IN ('success', 'failed')")
    with create_engine(database).connect() as connection:
        assert connection.scalar(ended, {"dag": DAG}) == len(client.runs(DAG))


def test_a_restarted_scheduler_goes_on(stack: LocalStack) -> None:
    run = RetrainRun(stack)
    wait_until(lambda: run.state("start_execution") == "success", timeout_s=60, what="a started execution")
    stack.restart("scheduler", kill=True)
    assert run.client.wait_for_run(DAG, run.run_id, timeout_s=RUN_TIMEOUT_S)["state"] == "success"
    assert len(run.executions()) == 1
