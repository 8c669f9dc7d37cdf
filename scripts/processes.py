"""Long-running child processes: started in a session each, recorded, found again, and stopped for certain."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

# psutil derives creation times from the boot time, which moves when the clock is adjusted.
_CREATE_TIME_TOLERANCE_S = 2.0


def exit_when_terminated() -> None:
    """Let SIGTERM end this program as Ctrl-C does: it then stops its children, which no signal reaches."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


@dataclass(frozen=True)
class Child:
    """
    A process that this project started, known by more than its pid, which the system gives out again.

    :param name: what it runs, e.g. ``scheduler``
    :param pid: process id, and session id too, since every child leads a session of its own
    :param create_time: when it was created, seconds since the epoch
    """

    name: str
    pid: int
    create_time: float

    def process(self) -> psutil.Process | None:
        """Return the live process, or None when it is gone, a zombie, or when its pid is another's now."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.create_time) > _CREATE_TIME_TOLERANCE_S:
                return None
            return None if process.status() == psutil.STATUS_ZOMBIE else process
        except psutil.NoSuchProcess:
            return None

    def family(self) -> list[psutil.Process]:
        """Return the process, its descendants, and what a dead parent of its session left behind."""
        leader = self.process()
        found: dict[int, psutil.Process] = {}
        if leader is not None:
            found[leader.pid] = leader
        elif psutil.pid_exists(self.pid) and not _is_zombie(self.pid):
            return []  # another process has the pid, so the session of that number is not ours either
        for process in psutil.process_iter():
            if _session_of(process.pid) == self.pid and not _is_zombie(process.pid):
                found[process.pid] = process
        for member in list(found.values()):
            for process in _descendants(member):
                found.setdefault(process.pid, process)
        return list(found.values())


def spawn(
    name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path, cwd: Path
) -> tuple[Child, subprocess.Popen[bytes]]:
    """
    Start a command in a session of its own, its output appended to a log file.

    :param name: what it runs; the name it is recorded under
    :param command: program and arguments
    :param env: its whole environment
    :param log: file that takes stdout and stderr
    :param cwd: working directory
    :return: the record, and the handle that reaps it while this program lives
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        popen = subprocess.Popen(
            list(command),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        created = psutil.Process(popen.pid).create_time()
    except psutil.NoSuchProcess:
        created = 0.0
    return Child(name, popen.pid, created), popen


def stop(children: Iterable[Child], *, deadline_s: float = 10.0, kill: bool = False) -> int:
    """
    Stop children and all that they started: SIGTERM, and SIGKILL after the deadline.

    :param children: what to stop
    :param deadline_s: seconds between the two signals
    :param kill: send SIGKILL at once, as a crash would
    :return: how many processes there were
    :raises RuntimeError: when a process survives SIGKILL
    """
    children = list(children)
    leaders = [leader for child in children if (leader := child.process())]
    everybody = {process.pid: process for child in children for process in child.family()}
    if not kill:
        # Only the leaders: they know in which order their own children have to end.
        for leader in leaders:
            _signal(leader, kill=False)
        psutil.wait_procs(list(everybody.values()), timeout=deadline_s if leaders else 0)
    left = {process.pid: process for child in children for process in child.family()}
    left |= {pid: process for pid, process in everybody.items() if process.is_running()}
    for process in left.values():
        _signal(process, kill=True)
    psutil.wait_procs(list(left.values()), timeout=5)
    alive = sorted(pid for pid, process in left.items() if process.is_running() and not _is_zombie(pid))
    if alive:
        raise RuntimeError(f"processes {alive} are still there after SIGKILL")
    return len(everybody)


def save(path: Path, children: Mapping[str, Child], ports: Mapping[str, int]) -> None:
    """Write what runs, and on which ports, in one step, so that a reader never sees half of it."""
    record = {"ports": dict(ports), "children": [asdict(child) for child in children.values()]}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=1) + "\n")
    partial.replace(path)


def load(path: Path) -> tuple[dict[str, Child], dict[str, int]]:
    """Read what :func:`save` wrote; nothing was started when there is no file."""
    if not path.exists():
        return {}, {}
    record = json.loads(path.read_text())
    return {child["name"]: Child(**child) for child in record["children"]}, record["ports"]


@contextmanager
def locked(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """
    Let one program at a time start or stop things.

    :param path: file that carries the lock; made when missing
    :param say: told when another program has the lock
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another start or stop is under way; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [child for child in process.children(recursive=True) if not _is_zombie(child.pid)]
    except psutil.NoSuchProcess:
        return []


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
