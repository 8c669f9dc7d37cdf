"""Airflow's processes are killed at random moments: nothing is trained twice, nothing is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest

from scripts.local_stack import LocalStack
from tests.e2e.retrain_runs import RetrainRun

pytestmark = pytest.mark.usefixtures("idle")

# From the trigger to a good while after the wait has begun.
MOMENTS = (0.0, 9.0)


def tasks_of(worker: psutil.Process) -> list[psutil.Process]:
    """The processes that run a worker's task; what is left of earlier ones does not count."""
    return [child for child in worker.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]


def kill_worker(stack: LocalStack, chance: random.Random) -> None:
    """Kill a worker and the task it runs; none when no task runs at this moment.

    An idle worker of the LocalExecutor holds the lock of the queue that all of them read, and would take it
    along: that is Python's multiprocessing, and no matter of the task's.
    """
    scheduler = psutil.Process(stack.pids("scheduler")[0])
    with suppress(psutil.NoSuchProcess):
        busy = [worker for worker in scheduler.children() if tasks_of(worker)]
        if busy:
            worker = chance.choice(busy)
            for process in (*tasks_of(worker), worker):
                process.kill()


def kill_scheduler(stack: LocalStack, _: random.Random) -> None:
    """Kill the scheduler with its executor, and start it again."""
    stack.restart("scheduler", kill=True)


def kill_triggerer(stack: LocalStack, _: random.Random) -> None:
    """Kill the triggerer, and start it again."""
    stack.restart("triggerer", kill=True)


KILLS = [kill_worker, kill_scheduler, kill_triggerer]


def survive(stack: LocalStack, kill: Callable[[LocalStack, random.Random], None], seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    run = RetrainRun(stack)
    # A moment, not a condition: whatever is going on then is what has to survive.
    time.sleep(chance.uniform(*MOMENTS))
    kill(stack, chance)
    # A worker that is gone with the task it ran is noticed after the heartbeat's timeout.
    state = run.ended(timeout_s=240)
    executions, jobs = run.executions(), run.training_jobs()
    explanation = f"seed {seed}, {kill.__name__}: {state}, {executions}, {jobs}"
    assert state == "success", explanation
    assert [execution["status"] for execution in executions] == ["SUCCEEDED"], explanation
    assert [job["TrainingJobStatus"] for job in jobs] == ["Completed"], explanation
    assert run.report()["outcome"] == "accepted", explanation


@pytest.mark.parametrize(
    "kill", [pytest.param(kill_worker, marks=pytest.mark.heavy), kill_scheduler, kill_triggerer]
)
def test_a_killed_process_costs_neither_a_run_nor_a_second_training(
    stack: LocalStack, kill: Callable[[LocalStack, random.Random], None]
) -> None:
    survive(stack, kill, seed=3)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(100, 110))
@pytest.mark.parametrize("kill", KILLS)
def test_thirty_killed_processes(
    stack: LocalStack, kill: Callable[[LocalStack, random.Random], None], seed: int
) -> None:
    survive(stack, kill, seed)
