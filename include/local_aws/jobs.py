"""Child processes with a bound on how many run at once: what Glue, training and Lambda run in."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

GRACE_SECONDS = 2.0


class JobStoppedError(Exception):
    """Somebody asked for the job to stop before it was done."""


@dataclass(frozen=True)
class Outcome:
    """
    How a child process ended.

    :param returncode: as subprocess gives it: negative is the signal that killed the child.
    :param timed_out: whether it was killed for running over its time.
    """

    returncode: int
    timed_out: bool = False


class Job:
    """One unit of work of a :class:`JobPool`; it may run child processes, one after the other."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._future: Future[None] | None = None

    def stop(self) -> bool:
        """
        Ask the job to end, killing its child process.

        :return: whether the job had not begun, in which case its work will never be called.
        """
        with self._lock:
            self._stopped.set()
            if self._future is not None and self._future.cancel():
                return True
            if self._process is not None:
                _signal_group(self._process, signal.SIGTERM)
                kill = threading.Timer(GRACE_SECONDS, _kill_if_alive, (self._process,))
                kill.daemon = True
                kill.start()
        return False

    def pause(self, seconds: float) -> None:
        """
        Do nothing for a while.

        :raises JobStoppedError: when :meth:`stop` was called before or meanwhile.
        """
        if self._stopped.wait(seconds):
            raise JobStoppedError(self.name)

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log_path: Path,
        error_path: Path | None = None,
        timeout_seconds: float | None = None,
        stdin: bytes = b"",
    ) -> Outcome:
        """
        Run one child process to its end, its output appended to a log file.

        :param error_path: where what it writes to stderr goes instead.
        :raises JobStoppedError: when :meth:`stop` was called before or meanwhile.
        """
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as output, (error_path or log_path).open("ab") as errors:
            with self._lock:
                if self._stopped.is_set():
                    raise JobStoppedError(self.name)
                # A session of its own, so that whatever the child starts can be killed with it.
                process = subprocess.Popen(
                    command,
                    env=dict(env),
                    cwd=cwd,
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=errors if error_path else subprocess.STDOUT,
                    start_new_session=True,
                )
                self._process = process
            outcome = _wait(process, stdin, timeout_seconds)
        with self._lock:
            self._process = None
            if self._stopped.is_set():
                raise JobStoppedError(self.name)
        return outcome


class JobPool:
    """
    Runs jobs, a bounded number at a time; the others wait their turn.

    :param parallelism: how many jobs may run at once.
    """

    def __init__(self, name: str, parallelism: int) -> None:
        self.parallelism = parallelism
        self._executor = ThreadPoolExecutor(max_workers=parallelism, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._jobs: set[Job] = set()

    def submit(self, name: str, work: Callable[[Job], None]) -> Job:
        """Queue ``work``; it is called with the job, and answers for its own errors."""
        job = Job(name)

        def guarded() -> None:
            try:
                work(job)
            except Exception:
                log.exception("job %s ended with an error that its service did not handle", name)

        # Under the job's lock, so that a stop cannot come between the queueing and its record.
        with self._lock, job._lock:
            self._jobs.add(job)
            job._future = self._executor.submit(guarded)
        job._future.add_done_callback(lambda _: self._forget(job))
        return job

    def close(self) -> None:
        """Stop every job, waiting until their children are gone."""
        with self._lock:
            jobs = list(self._jobs)
        for job in jobs:
            job.stop()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _forget(self, job: Job) -> None:
        with self._lock:
            self._jobs.discard(job)


def _wait(process: subprocess.Popen[bytes], stdin: bytes, timeout_seconds: float | None) -> Outcome:
    timed_out = False
    try:
        process.communicate(stdin, timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        timed_out = True
        _signal_group(process, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        log.warning("process %s ignored SIGTERM; killing it", process.pid)
    # Also after a normal end: the child may have left processes of its own behind.
    _signal_group(process, signal.SIGKILL)
    return Outcome(process.wait(), timed_out)


def _kill_if_alive(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        _signal_group(process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # The group outlives its leader only while it has members, so a late signal finds nothing to hit.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
