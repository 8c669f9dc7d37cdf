"""How long workers are held, task by task."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

# LocalExecutor's workers have what they run in their titles: the task instance's id.
_TITLE = "airflow worker -- LocalExecutor: "
SAMPLE_SECONDS = 0.1


class WorkerTime:
    """Watches LocalExecutor's workers.

    :param pids: gives the processes among which the workers are.
    """

    def __init__(self, pids: Callable[[], list[int]]) -> None:
        self._pids = pids
        self._samples: list[tuple[float, str]] = []
        self._done = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch as long as the context lasts."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def seconds(self, task_instance_id: str, since: float) -> float:
        """Seconds in which a worker was held by a task instance.

        :param since: what was before (UTC, seconds since the epoch) does not count.
        """
        return SAMPLE_SECONDS * sum(at >= since and id_ == task_instance_id for at, id_ in self._samples)

    def _watch(self) -> None:
        workers = [psutil.Process(pid) for pid in self._pids()]
        while not self._done.wait(SAMPLE_SECONDS):
            now = time.time()
            for worker in workers:
                try:
                    title = " ".join(worker.cmdline()).strip()
                except psutil.NoSuchProcess:
                    continue
                if title.startswith(_TITLE):
                    self._samples.append((now, title.removeprefix(_TITLE)))
