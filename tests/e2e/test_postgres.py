"""The same orchestration on PostgreSQL, which locks rows and keeps times and JSON unlike SQLite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from include.local_aws.control import Control
from scripts.airflow_client import AirflowClient
from scripts.local_stack import LocalStack
from tests.e2e.conftest import DAG, RUN_TIMEOUT_S, running_stack
from tests.e2e.postgres import programs, running_postgres
from tests.e2e.retrain_runs import RetrainRun
from tests.e2e.waiting import wait_until

pytestmark = pytest.mark.heavy


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


@pytest.fixture(scope="module")
def client(stack: LocalStack) -> AirflowClient:
    return stack.client()


@pytest.mark.usefixtures("idle")
def test_runs_are_scheduled_gated_redriven_and_killed(
    stack: LocalStack, client: AirflowClient, database: str
) -> None:
    (first, *_) = client.runs(DAG, run_type="scheduled")
    assert client.xcom(DAG, first["dag_run_id"], "accuracy_gate")["outcome"] == "deployed"
    control = Control(stack.aws_url)

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
