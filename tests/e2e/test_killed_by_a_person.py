"""What a person ends in Airflow ends in AWS too; what only Airflow's processes suffer does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from include.local_aws.control import Control
from scripts.local_stack import LocalStack
from tests.e2e.retrain_runs import RetrainRun
from tests.e2e.waiting import wait_until

pytestmark = pytest.mark.usefixtures("idle")


@pytest.fixture
def control(stack: LocalStack) -> Iterator[Control]:
    control = Control(stack.aws_url)
    yield control
    control.clear_faults()


@pytest.fixture
def training(stack: LocalStack, control: Control) -> RetrainRun:
    """A run that waits in the triggerer while its training job trains, for minutes."""
    run = RetrainRun(stack)
    control.delay_job("sagemaker", f"{run.name()}-*", seconds=300)
    # Until a triggerer has taken the wait up, Airflow does not tell anybody that it was killed.
    wait_until(run.is_waited_for, timeout_s=60, what="a wait in the triggerer")
    wait_until(run.training_jobs, timeout_s=60, what="a training under way")
    return run


def stopped(run: RetrainRun) -> bool:
    (job,) = run.training_jobs()
    return bool(run.executions()[0]["status"] == "ABORTED" and job["TrainingJobStatus"] == "Stopped")


@pytest.mark.parametrize(
    "end", [RetrainRun.mark_failed, RetrainRun.stop_and_delete], ids=["mark failed", "delete"]
)
def test_the_execution_and_its_training_job_are_stopped(
    training: RetrainRun, end: Callable[[RetrainRun], None]
) -> None:
    end(training)
    wait_until(lambda: stopped(training), timeout_s=30, what="the execution stopped")
    (execution,) = training.executions()
    assert training.run_id in execution["cause"]
    assert "flight_delay_retraining" in execution["cause"]


def test_a_killed_retrain_is_reported_as_aborted(training: RetrainRun) -> None:
    training.mark_failed()
    assert training.ended() == "failed"
    report = training.report()
    assert report["outcome"] == "aborted"
    assert report["failed_state"] == "Train"


def test_clearing_a_running_retrain_stops_it_and_trains_again(training: RetrainRun) -> None:
    training.clear()
    assert training.ended() == "success"
    first, second = training.executions()
    assert (first["status"], second["status"]) == ("ABORTED", "SUCCEEDED")
    assert second["name"] == training.name(attempt=2)
    assert training.report()["execution_arn"] == second["executionArn"]


def test_clearing_a_finished_retrain_trains_again(stack: LocalStack) -> None:
    run = RetrainRun(stack)
    assert run.ended() == "success"
    run.clear()
    wait_until(lambda: run.state("deploy_workflow") != "success", timeout_s=30, what="the run cleared")
    assert run.ended() == "success"
    assert [execution["status"] for execution in run.executions()] == ["SUCCEEDED"] * 2
    assert len(run.training_jobs(1)) == len(run.training_jobs(2)) == 1


def test_clearing_a_failed_wait_redrives_it_from_the_state_that_failed(
    stack: LocalStack, control: Control
) -> None:
    run = RetrainRun(stack)
    control.fail_job("sagemaker", f"{run.name()}-*", reason="the disk is full", times=1)
    assert run.ended() == "failed"
    report = run.report()
    assert (report["outcome"], report["failed_state"]) == ("failed", "Look at training")
    assert "the disk is full" in report["cause"]

    run.clear("wait_for_execution", "accuracy_gate", "publish_report")
    wait_until(lambda: run.state() != "failed", timeout_s=30, what="the run cleared")
    assert run.ended() == "success"
    (execution,) = run.executions()
    assert execution["redriveCount"] == 1
    assert sorted(job["TrainingJobStatus"] for job in run.training_jobs()) == ["Completed", "Failed"]
    assert run.report()["outcome"] == "accepted"


@pytest.mark.parametrize("component", ["triggerer", "scheduler"])
def test_a_restart_of_airflow_stops_nothing(stack: LocalStack, training: RetrainRun, component: str) -> None:
    waits = training.waits()
    stack.restart(component)
    if component == "triggerer":
        # Until it has taken the wait up again, Airflow does not tell anybody that it was killed.
        wait_until(lambda: training.waits() > waits, timeout_s=60, what="the wait taken up again")
    assert [execution["status"] for execution in training.executions()] == ["RUNNING"]
    training.mark_failed()
    wait_until(lambda: stopped(training), timeout_s=60, what="the execution stopped")
