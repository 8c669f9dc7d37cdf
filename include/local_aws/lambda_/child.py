"""
Runs one Lambda invocation, as the Python runtime of AWS does: load the handler, call it, report.

Called with the file to report to and the request's id; the event comes on standard input, the handler's
name in _HANDLER and its code's folder in LAMBDA_TASK_ROOT.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import stat
import sys
import time
import traceback
from pathlib import Path
from typing import Any

# Where AWS has the code.
TASK_ROOT = "/var/task"


class Context:
    """
    The handler's second argument; the part of it that this runtime knows.

    :param aws_request_id: the invocation's id.
    """

    def __init__(self, aws_request_id: str) -> None:
        self.aws_request_id = aws_request_id
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]


class RuntimeFault(Exception):
    """
    What the Python runtime of AWS reports under a name of its own rather than the exception's.

    :param kind: the errorType.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _run_as_another_user(root: Path) -> None:
    """
    Let the code read only what everybody may, as Lambda's user does, which owns none of it.

    https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html: "permission denied". This
    process owns the files, or is root, so that the system itself would let it.
    """

    def check(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "os.listdir", "os.scandir") or not isinstance(arguments[0], str):
            return
        path = Path(os.path.abspath(arguments[0]))  # noqa: PTH100 - links are not followed
        if path.is_relative_to(root) and not _readable(path, root):
            seen = f"{TASK_ROOT}/{path.relative_to(root).as_posix()}"
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), seen)

    os.umask(0o022)  # so that what Python caches stays readable
    sys.addaudithook(check)


def _readable(path: Path, root: Path) -> bool:
    """Whether everybody may read a file or list a folder: its own permissions, and the way to it."""
    folders = [parent for parent in path.parents if parent.is_relative_to(root)]
    try:
        passable = all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)
        return passable and bool(path.stat().st_mode & stat.S_IROTH)
    except FileNotFoundError:
        return True  # which is found out by opening it


def _load(handler: str) -> Any:
    name, _, function = handler.rpartition(".")
    try:
        module = importlib.import_module(name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{name}': {error}"
        raise RuntimeFault("Runtime.ImportModuleError", message) from error
    if not hasattr(module, function):
        message = f"Handler '{function}' missing on module '{name}'"
        raise RuntimeFault("Runtime.HandlerNotFound", message)
    return getattr(module, function)


def _call(event: str, request_id: str) -> Any:
    payload = _load(os.environ["_HANDLER"])(json.loads(event), Context(request_id))
    try:
        json.dumps(payload)
    except (TypeError, ValueError) as error:
        raise RuntimeFault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
    return payload


def _answer(request_id: str) -> dict[str, Any]:
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    _run_as_another_user(Path(os.environ["LAMBDA_TASK_ROOT"]))
    try:
        return {"failed": False, "payload": _call(sys.stdin.read(), request_id)}
    except Exception as error:  # noqa: BLE001 - whatever the handler raises is its answer
        traceback.print_exc()
        kind = error.kind if isinstance(error, RuntimeFault) else type(error).__name__
        # Without the frames of this module, which AWS does not show either.
        stack = traceback.format_tb(error.__traceback__)[2:]
        details = {"errorMessage": str(error), "errorType": kind, "stackTrace": stack}
        return {"failed": True, "payload": {**details, "requestId": request_id}}


def main() -> None:
    report, request_id = Path(sys.argv[1]), sys.argv[2]
    began = time.monotonic()
    print(f"START RequestId: {request_id} Version: $LATEST", flush=True)  # noqa: T201
    answer = _answer(request_id)
    # Renamed into place: a child killed while writing must not look like one that has answered.
    unfinished = report.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(answer))
    unfinished.rename(report)
    milliseconds = (time.monotonic() - began) * 1000
    print(f"END RequestId: {request_id} Duration: {milliseconds:.2f} ms", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
