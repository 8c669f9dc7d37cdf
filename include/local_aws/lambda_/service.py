"""Lambda: an invocation runs the handler of the deployed zip, in a process of its own."""

from __future__ import annotations

import base64
import io
import json
import logging
import shutil
import signal
import sys
import threading
import uuid
import zipfile
from pathlib import Path
from typing import Any

from moto.awslambda import models
from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaFunction

from include.local_aws.jobs import Job, JobStoppedError, Outcome
from include.local_aws.lambda_ import child as lambda_child
from include.local_aws.runtime import Runtime

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html: LogResult is the last 4 KB.
LOG_TAIL_BYTES = 4096

# Systems whose zips hold permissions, by the number that a zip gives them: Unix and macOS.
UNIX = (3, 19)
FOLDER_MODE, FILE_MODE = 0o755, 0o644

_lock = threading.Lock()


def install(runtime: Runtime) -> None:
    """Make invocations real; moto would start a Docker container, or return a canned answer."""

    def invoke(
        function: LambdaFunction, body: Any, request_headers: Any, response_headers: dict[str, str]
    ) -> bytes:
        event = (body.encode() if isinstance(body, str) else body) or b"{}"
        invocation = Invocation(runtime, function, event)
        kind = request_headers.get("X-Amz-Invocation-Type", "RequestResponse")
        if kind == "DryRun":
            return b""
        runtime.functions.submit(f"{function.function_name}/{invocation.request_id}", invocation.run)
        if kind == "Event":
            return b""
        invocation.done.wait()
        if invocation.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        response_headers["x-amz-log-result"] = base64.b64encode(invocation.log_tail()).decode()
        return invocation.payload

    LambdaFunction.invoke = invoke
    _refuse_missing_code()


def _refuse_missing_code() -> None:
    """Refuse code that is not in the bucket; moto makes a function without any."""
    find, update = models._validate_s3_bucket_and_key, LambdaFunction.update_function_code

    def code_object(account_id: str, partition: str, data: dict[str, Any]) -> Any:
        if found := find(account_id, partition=partition, data=data):
            return found
        raise InvalidParameterValueException(
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key"
            " does not exist."
        )

    def update_function_code(function: LambdaFunction, updated_spec: dict[str, Any]) -> Any:
        if "S3Key" in updated_spec:
            code_object(function.account_id, function.partition, updated_spec)
        return update(function, updated_spec)

    models._validate_s3_bucket_and_key = code_object
    LambdaFunction.update_function_code = update_function_code


class Invocation:
    """
    One call of a function.

    :param event: the JSON that the handler gets.
    """

    def __init__(self, runtime: Runtime, function: LambdaFunction, event: bytes) -> None:
        self.runtime, self.function, self.event = runtime, function, event
        self.request_id = str(uuid.uuid4())
        self.payload = b""
        self.failed = False
        self.done = threading.Event()
        self.log_path = runtime.log_path("lambda", f"{function.function_name}-{self.request_id}")

    def run(self, child: Job) -> None:
        try:
            with self.runtime.scratch("lambda") as folder:
                self._conclude(self._start(child, folder), folder / "result.json")
        except JobStoppedError:
            self._fail("Runtime.ExitError", "the embedded AWS is shutting down")
        except Exception as error:
            log.exception("function %s", self.function.function_name)
            self._fail("Runtime.InitError", f"the function could not be started: {error}")
        finally:
            self.done.set()

    def log_tail(self) -> bytes:
        return self.log_path.read_bytes()[-LOG_TAIL_BYTES:] if self.log_path.exists() else b""

    def _start(self, child: Job, folder: Path) -> Outcome:
        function = self.function
        if not (function.run_time or "").startswith("python"):
            raise ValueError(f"Runtime {function.run_time!r}: the embedded AWS runs Python functions only")
        code = _unpack(self.runtime, function)
        environment = {
            **self.runtime.child_environment(function.role),
            **{name: str(value) for name, value in (function.environment_vars or {}).items()},
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "LAMBDA_TASK_ROOT": str(code),
            "_HANDLER": function.handler,
        }
        return child.run(
            [sys.executable, "-P", lambda_child.__file__, str(folder / "result.json"), self.request_id],
            env=environment,
            cwd=code,
            log_path=self.log_path,
            timeout_seconds=float(function.timeout),
            stdin=self.event,
        )

    def _conclude(self, outcome: Outcome, result: Path) -> None:
        if outcome.timed_out:
            self._fail("Sandbox.Timedout", f"Task timed out after {float(self.function.timeout):.2f} seconds")
        elif result.exists():
            answer = json.loads(result.read_text())
            self.failed = answer["failed"]
            self.payload = json.dumps(answer["payload"]).encode()
        elif outcome.returncode < 0:
            name = signal.Signals(-outcome.returncode).name.removeprefix("SIG").lower()
            self._fail("Runtime.ExitError", f"Runtime exited with error: signal: {name}")
        else:
            self._fail("Runtime.ExitError", f"Runtime exited with error: exit status {outcome.returncode}")

    def _fail(self, kind: str, message: str) -> None:
        self.failed = True
        error = {"errorType": kind, "errorMessage": f"RequestId: {self.request_id} Error: {message}"}
        self.payload = json.dumps(error).encode()


def _unpack(runtime: Runtime, function: LambdaFunction) -> Path:
    folder: Path = runtime.state_dir / "lambda" / function.function_name / str(function.code_digest)
    with _lock:
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as archive:
                for entry in archive.infolist():
                    _extract(archive, entry, unfinished)
            unfinished.rename(folder)
    return folder


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """
    Unpack a file or folder with the permissions that the archive gives it.

    Zips of Windows, and of Java, have none: Lambda lets everybody read what is in them. Folders that have no
    entry are readable too.
    """
    target = Path(archive.extract(entry, folder))
    for parent in target.parents:
        if parent == folder:
            break
        if f"{parent.relative_to(folder).as_posix()}/" not in archive.NameToInfo:
            parent.chmod(FOLDER_MODE)
    if entry.create_system in UNIX:
        mode = entry.external_attr >> 16 & 0o777
    else:
        mode = FOLDER_MODE if entry.is_dir() else FILE_MODE
    # The owner, which the embedded AWS is, goes on being able to remove it.
    target.chmod(mode | (0o700 if entry.is_dir() else 0o600))
