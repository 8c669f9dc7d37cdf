"""The process pool: time limits, stopping, the bound on how many run at once."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from include.local_aws.jobs import Job, JobPool, JobStoppedError, Outcome
from tests.integration.embedded_aws import until

FOREVER = "import signal; signal.pause()"


@pytest.fixture
def pool() -> Iterator[JobPool]:
    pool = JobPool("test", 2)
    yield pool
    pool.close()


class Run:
    """A job that runs one Python program and keeps how it ended."""

    def __init__(self, folder: Path, program: str, timeout_seconds: float | None = None) -> None:
        self.folder, self.program, self.timeout_seconds = folder, program, timeout_seconds
        self.began, self.ended = threading.Event(), threading.Event()
        self.outcome: Outcome | None = None
        self.stopped = False

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def __call__(self, job: Job) -> None:
        self.began.set()
        try:
            self.outcome = job.run(
                [sys.executable, "-c", self.program],
                env=os.environ,
                cwd=self.folder,
                log_path=self.log,
                timeout_seconds=self.timeout_seconds,
            )
        except JobStoppedError:
            self.stopped = True
        self.ended.set()


def _gone(pid: int) -> Callable[[], bool]:
    def probe() -> bool:
        stat = Path(f"/proc/{pid}/stat")
        # A child of a child is reaped by whoever inherits it, which may take its time.
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"

    return probe


def test_a_program_over_its_time_is_killed(pool: JobPool, tmp_path: Path) -> None:
    run = Run(tmp_path, FOREVER, timeout_seconds=0.2)
    pool.submit("slow", run)
    assert run.ended.wait(10)
    assert run.outcome is not None
    assert run.outcome.timed_out


def test_a_program_that_ignores_sigterm_is_killed_all_the_same(pool: JobPool, tmp_path: Path) -> None:
    deaf = (
        f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {FOREVER}"
    )
    run = Run(tmp_path, deaf)
    job = pool.submit("deaf", run)
    until(lambda: run.log.exists() and "deaf" in run.log.read_text())
    job.stop()
    assert run.ended.wait(10)
    assert run.stopped


def test_what_a_program_started_dies_with_it(pool: JobPool, tmp_path: Path) -> None:
    parent = (
        "import subprocess, sys\n"
        f"print(subprocess.Popen([sys.executable, '-c', {FOREVER!r}]).pid, flush=True)\n"
        f"{FOREVER}"
    )
    run = Run(tmp_path, parent)
    job = pool.submit("parent", run)
    until(lambda: run.log.exists() and run.log.read_text().strip())
    job.stop()
    assert run.ended.wait(10)
    until(_gone(int(run.log.read_text())))


def test_a_crash_is_reported_with_its_signal(pool: JobPool, tmp_path: Path) -> None:
    run = Run(tmp_path, "import os; os.kill(os.getpid(), 9)")
    pool.submit("crash", run)
    assert run.ended.wait(10)
    assert run.outcome == Outcome(-9)


def test_no_more_jobs_run_at_once_than_allowed_and_a_queued_one_can_be_stopped(
    pool: JobPool, tmp_path: Path
) -> None:
    runs = [Run(tmp_path, FOREVER) for _ in range(3)]
    jobs = [pool.submit(f"job-{number}", run) for number, run in enumerate(runs)]
    assert runs[0].began.wait(10)
    assert runs[1].began.wait(10)
    assert not runs[2].began.is_set()
    assert jobs[2].stop(), "a job that has not begun is stopped without ever running"
    assert not jobs[0].stop()
    assert runs[0].ended.wait(10)
    assert runs[0].stopped
    assert not runs[2].began.is_set()


def test_closing_stops_what_runs(tmp_path: Path) -> None:
    pool = JobPool("closing", 1)
    run = Run(tmp_path, FOREVER)
    pool.submit("job", run)
    assert run.began.wait(10)
    pool.close()
    assert run.stopped
