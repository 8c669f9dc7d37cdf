"""A triggerer that was paused loses its waits to the other one; only a person's kill stops executions."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from include.local_aws.control import Control
from scripts.airflow_client import ApiError
from scripts.components import airflow_command
from scripts.local_stack import LocalStack
from tests.e2e.conftest import DAG
from tests.e2e.retrain_runs import WAITING, RetrainRun
from tests.e2e.waiting import wait_until

pytestmark = pytest.mark.heavy

READ_IT = (WAITING, "accuracy_gate", "publish_report")


@pytest.fixture
def run(stack: LocalStack, idle: None) -> Iterator[RetrainRun]:
    """A run that waits in the first triggerer while its training job trains, for minutes."""
    control = Control(stack.aws_url)
    run = RetrainRun(stack)
    control.delay_job("sagemaker", f"{run.name()}-*", seconds=300)
    wait_until(lambda: copies(run), timeout_s=60, what="a wait in the triggerer")
    wait_until(run.training_jobs, timeout_s=60, what="a training under way")
    yield run
    control.clear_faults()
    # Whatever came of it, the tasks that read the execution are not to wait for its training.
    for execution in run.executions():
        stack.aws("stepfunctions").stop_execution(executionArn=execution["executionArn"])
    run.ended()


@pytest.fixture
def other(stack: LocalStack, tmp_path: Path, run: RetrainRun) -> Iterator[None]:
    """A second triggerer, with nothing to do yet."""
    log = tmp_path / "triggerer.log"
    with log.open("wb") as output:
        triggerer = subprocess.Popen(
            airflow_command("triggerer", 0),
            env=stack.environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    family: list[psutil.Process] = []
    try:
        # It has begun once its runner, a child, talks to it.
        wait_until(lambda: b"Starting the triggerer" in log.read_bytes(), timeout_s=60, what="a triggerer")
        leader = psutil.Process(triggerer.pid)
        wait_until(leader.children, timeout_s=30, what="its runner")
        yield
        family = leader.children(recursive=True)
    finally:
        triggerer.terminate()
        try:
            triggerer.wait(20)
        except subprocess.TimeoutExpired:
            triggerer.kill()
        for process in family:
            if process.is_running():
                process.kill()


def copies(run: RetrainRun) -> dict[str, dict[str, str]]:
    """Who waits, or waited, by deferral of the wait."""
    with suppress(ApiError):
        found: dict[str, dict[str, str]] = run.client.xcom(DAG, run.run_id, WAITING, "waited_for_by")
        return found
    return {}


@contextmanager
def paused(stack: LocalStack) -> Iterator[None]:
    """The first triggerer, as on a machine that hangs."""
    pids = stack.pids("triggerer")
    leaders = [psutil.Process(pid) for pid in pids]
    family = {p.pid: p for leader in leaders for p in (leader, *leader.children(recursive=True))}
    for process in family.values():
        process.suspend()
    try:
        yield
    finally:
        for process in family.values():
            process.resume()


def status(run: RetrainRun) -> tuple[str, int]:
    """Status of the run's one execution, and how often it was redriven."""
    (execution,) = run.executions()
    return execution["status"], execution.get("redriveCount", 0)


def says(run: RetrainRun, text: str) -> bool:
    return text in run.client.log(DAG, run.run_id, WAITING)


@pytest.mark.usefixtures("other")
def test_a_wait_that_moved_goes_on_and_a_person_can_still_end_it(stack: LocalStack, run: RetrainRun) -> None:
    before = copies(run)
    with paused(stack):
        wait_until(lambda: copies(run) != before, timeout_s=60, what="the wait taken over")
    wait_until(lambda: says(run, "another triggerer has taken"), timeout_s=60, what="the first one's word")
    assert status(run) == ("RUNNING", 0)
    assert [job["TrainingJobStatus"] for job in run.training_jobs()] == ["InProgress"]
    assert run.state() == "deferred"

    run.mark_failed()
    wait_until(lambda: status(run)[0] == "ABORTED", timeout_s=30, what="the execution stopped")


@pytest.mark.usefixtures("other")
def test_a_wait_that_moved_is_ended_by_a_person_while_the_first_triggerer_sleeps(
    stack: LocalStack, run: RetrainRun
) -> None:
    before = copies(run)
    with paused(stack):
        wait_until(lambda: copies(run) != before, timeout_s=60, what="the wait taken over")
        run.mark_failed()
        wait_until(lambda: status(run)[0] == "ABORTED", timeout_s=30, what="the execution stopped")
    # It depends on what it hears of first: that it was cancelled, or that the execution has ended.
    words = "another triggerer has taken", "has ended; there is nothing to stop"
    wait_until(lambda: any(says(run, word) for word in words), timeout_s=60, what="the first one's word")


@pytest.mark.usefixtures("other")
def test_a_wait_that_moved_and_was_cleared_is_taken_up_once(stack: LocalStack, run: RetrainRun) -> None:
    before = copies(run)
    with paused(stack):
        wait_until(lambda: copies(run) != before, timeout_s=60, what="the wait taken over")
        run.clear(*READ_IT)
        wait_until(lambda: status(run) == ("RUNNING", 1), timeout_s=90, what="the execution redriven")
    wait_until(lambda: len(copies(run)) > 1, timeout_s=30, what="another deferral")
    # The first triggerer is back when it takes up what is new.
    later = RetrainRun(stack)
    wait_until(later.is_waited_for, timeout_s=90, what="a wait in either triggerer")
    later.mark_failed()
    assert status(run) == ("RUNNING", 1)


@pytest.mark.usefixtures("other")
def test_a_kill_that_only_a_paused_triggerer_can_act_on_is_acted_on(
    stack: LocalStack, run: RetrainRun
) -> None:
    with paused(stack):
        run.mark_failed()
        wait_until(lambda: run.state() == "failed", timeout_s=30, what="the task failed")
    wait_until(lambda: status(run)[0] == "ABORTED", timeout_s=60, what="the execution stopped")


@pytest.mark.parametrize("is_paused", [False, True], ids=["one triggerer", "paused, beside another"])
def test_a_wait_that_is_cleared_and_deferred_again_at_once_stops_the_execution_and_takes_it_up(
    stack: LocalStack, run: RetrainRun, is_paused: bool, request: pytest.FixtureRequest
) -> None:
    before = copies(run)
    if is_paused:
        request.getfixturevalue("other")
        with paused(stack):
            run.clear(*READ_IT)
            wait_until(lambda: copies(run).keys() - before, timeout_s=60, what="deferred again")
            assert status(run) == ("RUNNING", 0)
    else:
        run.clear(*READ_IT)
    wait_until(lambda: status(run) == ("RUNNING", 1), timeout_s=90, what="the execution redriven")
    # The redrive finds the stopped training first, and begins another under the next name.
    wait_until(lambda: len(run.training_jobs()) == 2, timeout_s=60, what="the training begun again")
    (first, _) = sorted(run.training_jobs(), key=lambda job: job["CreationTime"])
    assert first["TrainingJobStatus"] == "Stopped"
