"""A sandbox: one process that begins once and then answers one invocation after the other."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from include.local_aws.lambda_ import bootstrap, packages
from include.local_aws.lambda_.invocation_log import InvocationLog
from include.local_aws.lambda_.output import Output
from include.local_aws.lambda_.reports import Figures, Reports
from include.local_aws.lambda_.runtime_api import Answer, Event, RuntimeApi
from include.local_aws.lambda_.settings import Settings
from include.local_aws.runtime import Runtime

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html: what a sandbox may take to
# begin without that counting as the function's own time.
INIT_SECONDS = 10
EXIT_ERROR, OUT_OF_MEMORY = "Runtime.ExitError", "Runtime.OutOfMemory"
# How soon what a function writes can be read, and that it uses too much memory is seen.
LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Request:
    """
    What an invocation asks for.

    :param arn: the function's, with the qualifier that it was invoked by.
    :param client_context: JSON, as the caller sent it.
    """

    request_id: str
    payload: bytes
    arn: str
    client_context: str | None = None


class Sandbox:
    """
    Starts at once; what goes wrong with that is told by the first invocation.

    :param settings: what it is for.
    """

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.settings = settings
        self.idle_since = 0.0
        self._reports = Reports(settings)
        self._stream = f"{datetime.now(UTC):%Y/%m/%d}/[{settings.version}]{uuid4().hex}"
        self._fresh = True
        self._peak_mb: int | None = None
        self._exit: int | None = None
        scratch = runtime.state_dir / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        self._output = Output(scratch)
        self._api = RuntimeApi()
        self._began = time.monotonic()
        self._process = self._start(runtime, scratch / "lambda-packages")
        threading.Thread(target=self._watch, name="sandbox", daemon=True).start()

    @property
    def usable(self) -> bool:
        """Whether it can take another invocation."""
        return self._exit is None and self._api.waiting

    def kill(self) -> None:
        """End its process, and what that has started."""
        if self._process.returncode is None:
            _kill_group(self._process.pid)
            self._process.wait()

    def log(self, runtime: Runtime, request: Request) -> InvocationLog:
        """A log for an invocation that it is about to take."""
        path = runtime.log_path("lambda", f"{self.settings.name}-{request.request_id}")
        return InvocationLog(path, self.settings.log_group, self._stream, self.settings.region)

    def invoke(self, request: Request, log: InvocationLog) -> Answer:
        """Run one invocation to its end, and write its log."""
        init_seconds = self._begin(log) if self._fresh else None
        self._fresh = False
        log.write(self._reports.start(request.request_id))
        began = time.monotonic()
        if not self._broken:
            self._api.offer(self._event(request))
        in_time = self._wait(lambda: self._api.answer and self._api.waiting, self.settings.timeout, log)
        seconds = time.monotonic() - began
        answer, status = self._outcome(request, log, in_time=in_time)
        log.write(self._output.messages(ended=True))
        init = None if init_seconds is None else init_seconds * 1000
        figures = Figures(seconds * 1000, init, self._memory_mb(), status, answer.error)
        log.write(self._reports.end(request.request_id, figures))
        if self.usable:
            self._output.shrink()
        else:
            self.kill()
            self._output.close()
        return answer

    def _start(self, runtime: Runtime, package_folder: Path) -> subprocess.Popen[bytes]:
        packages.link(package_folder)
        output = self._output.fileno()
        return subprocess.Popen(
            [sys.executable, "-S", "-P", bootstrap.__file__],
            env={
                **self.settings.variables(runtime, package_folder, self._stream),
                "AWS_LAMBDA_RUNTIME_API": self._api.address,
                "_LAMBDA_TELEMETRY_LOG_FD": str(output),
            },
            cwd=self.settings.code,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[output],
            # A session of its own, so that whatever the function starts can be killed with it.
            start_new_session=True,
        )

    def _watch(self) -> None:
        code = self._process.wait()
        _kill_group(self._process.pid)
        with self._api.changed:
            self._exit = code
            self._api.changed.notify_all()
        self._api.close()

    @property
    def _broken(self) -> bool:
        return self._exit is not None or self._api.init_error is not None

    def _begin(self, log: InvocationLog) -> float | None:
        """Wait until the handler's module is imported; how long that took, unless it failed or goes on."""
        log.write(self._reports.init_start(), tail=False)
        begun = self._wait(lambda: self._api.waiting, INIT_SECONDS, log, tail=False)
        seconds = time.monotonic() - self._began
        if self._broken:
            kind = self._api.init_error.error if self._api.init_error else EXIT_ERROR
            log.write(self._reports.init_failed(seconds * 1000, kind), tail=False)
            return None
        log.write(self._output.messages(), tail=False)
        return seconds if begun else None

    def _wait(
        self, done: Callable[[], object], seconds: float, log: InvocationLog, *, tail: bool = True
    ) -> bool:
        """Wait until something is so, or will not be any more; what is written meanwhile is logged."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            with self._api.changed:
                if self._api.changed.wait_for(lambda: self._broken or done(), min(left, LOOK_SECONDS)):
                    return True
            log.write(self._output.messages(), tail=tail)
            if (self._memory_mb() or 0) > self.settings.memory_mb:
                self.kill()
        return False

    def _event(self, request: Request) -> Event:
        deadline = int((time.time() + self.settings.timeout) * 1000)
        context = {"Lambda-Runtime-Client-Context": request.client_context} if request.client_context else {}
        root, parent = secrets.token_hex(12), secrets.token_hex(8)
        return Event(
            request.request_id,
            request.payload,
            {
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": request.arn,
                "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{root};Parent={parent};Sampled=0",
                **context,
            },
        )

    def _outcome(self, request: Request, log: InvocationLog, *, in_time: bool) -> tuple[Answer, str]:
        if self._api.init_error:
            return self._api.init_error, "error"
        if answer := self._api.answer:
            return answer, "error" if answer.error else "success"
        if not in_time:
            self.kill()
        log.write(self._output.messages(ended=True))
        if not in_time:
            message = f"Task timed out after {self.settings.timeout:.2f} seconds"
            log.write(self._reports.timed_out(request.request_id))
            return _failed(request, "Sandbox.Timedout", message), "timeout"
        kind = OUT_OF_MEMORY if (self._peak_mb or 0) > self.settings.memory_mb else EXIT_ERROR
        message = _exit_message(self._exit or 0)
        log.write(self._reports.exited(request.request_id, kind, message))
        return _failed(request, kind, message), "error"

    def _memory_mb(self) -> int | None:
        """The most that the process has used, where the system tells."""
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
            for line in lines:
                if line.startswith("VmHWM:"):
                    self._peak_mb = int(line.split()[1]) // 1024
        return self._peak_mb


def _failed(request: Request, kind: str, message: str) -> Answer:
    error = {"errorType": kind, "errorMessage": f"RequestId: {request.request_id} Error: {message}"}
    return Answer(json.dumps(error).encode(), kind)


def _exit_message(code: int) -> str:
    """LocalStack (tests/aws/services/lambda_/test_lambda.snapshot.json), and of signals public reports."""
    if code < 0:
        name = signal.Signals(-code).name.removeprefix("SIG").lower()
        return f"Runtime exited with error: signal: {'killed' if name == 'kill' else name}"
    if code == 0:
        return "Runtime exited without providing a reason"
    return f"Runtime exited with error: exit status {code}"


def _kill_group(process_id: int) -> None:
    # The group outlives its leader only while it has members, so a late signal finds nothing to hit.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process_id, signal.SIGKILL)
