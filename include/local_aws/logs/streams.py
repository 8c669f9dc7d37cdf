"""What the services write into CloudWatch Logs: lines of their jobs, in groups and streams of AWS's names."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from moto.logs.models import LogsBackend, logs_backends

from include.local_aws.runtime import ACCOUNT_ID, REGION

# How soon a line that a job writes is there to be read. On AWS it takes seconds.
POLL_SECONDS = 0.2

_lock = threading.Lock()


def put(group: str, stream: str, lines: Iterable[str], *, region: str = REGION) -> None:
    """
    Write lines into a log stream, as a service does: what is not there of group and stream is made.

    :param group: name of the log group, such as ``/aws/lambda/my-function``.
    :param stream: name of the log stream; it has no ``:`` and no ``*``.
    :param lines: one event each, of this moment. Empty ones are left out: AWS takes no empty message. Without
        any line the group and the stream are still made.
    """
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line} for line in lines if line]
    backend: LogsBackend = logs_backends[ACCOUNT_ID][region]
    with _lock:
        backend.ensure_log_group(group)
        backend.ensure_log_stream(group, stream)
        if events:
            backend.put_log_events(group, stream, events)


@contextmanager
def following(path: Path, group: str, stream: str, *, region: str = REGION) -> Iterator[None]:
    """
    Write what is appended to a file into a log stream meanwhile, a line an event.

    :param path: the output of a job; it need not be there yet, and what it has already is left out.
    """
    done = threading.Event()
    put(group, stream, [], region=region)
    begin = path.stat().st_size if path.exists() else 0

    def follow() -> None:
        follower = _Follower(path, begin)
        while not done.wait(POLL_SECONDS):
            put(group, stream, follower.lines(), region=region)
        put(group, stream, [*follower.lines(), follower.rest()], region=region)

    thread = threading.Thread(target=follow, name=f"logs {stream}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class _Follower:
    """Reads the whole lines that were appended to a file since it was asked last."""

    def __init__(self, path: Path, begin: int) -> None:
        self._path, self._position = path, begin
        self._rest = b""

    def lines(self) -> list[str]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._position)
            read = file.read()
        self._position += len(read)
        *whole, self._rest = (self._rest + read).split(b"\n")
        return [_text(line) for line in whole]

    def rest(self) -> str:
        """The last line, which nothing ended."""
        return _text(self._rest)


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")
