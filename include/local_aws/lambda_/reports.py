"""
Lambda's own log lines: the start of a sandbox, and the start, end and report of each invocation.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html, and of the text
LocalStack (tests/aws/services/lambda_/test_lambda.snapshot.json).
"""

from __future__ import annotations

import json
import math
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from include.local_aws.lambda_.settings import Settings

# Of the levels that lines may have, those that each setting leaves out.
_LEFT_OUT = {"WARN": ("INFO",)}


@dataclass(frozen=True)
class Figures:
    """
    What a report says of an invocation.

    :param init_ms: how long its sandbox took to begin, if it was made for this invocation.
    :param memory_mb: the most that its process used so far, where the system tells.
    :param status: ``success``, ``error`` or ``timeout``.
    :param error: errorType of what it failed with.
    """

    duration_ms: float
    init_ms: float | None
    memory_mb: int | None
    status: str
    error: str = ""

    @property
    def billed_ms(self) -> int:
        """https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/"""
        return math.ceil(self.duration_ms + (self.init_ms or 0))


class Reports:
    """The lines for one sandbox, in the format of its function."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._json = settings.log_format == "JSON"

    def init_start(self) -> list[str]:
        # What runs here is this interpreter, whatever the function asked for.
        version = f"python:{platform.python_version()}"
        if self._json:
            return self._event(
                "initStart",
                {
                    "initializationType": "on-demand",
                    "phase": "init",
                    "runtimeVersion": version,
                    "functionName": self._settings.name,
                    "functionVersion": self._settings.version,
                },
            )
        return [f"INIT_START Runtime Version: {version}"]

    def init_failed(self, duration_ms: float, error: str) -> list[str]:
        if self._json:
            record = {
                "initializationType": "on-demand",
                "phase": "init",
                "status": "error",
                "errorType": error,
                "metrics": {"durationMs": round(duration_ms, 3)},
            }
            return self._event("initReport", record, "WARN")
        said = f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\tPhase: init\tStatus: error"
        return [f"{said}\tError Type: {error}"]

    def start(self, request_id: str) -> list[str]:
        if self._json:
            return self._event("start", {"requestId": request_id, "version": self._settings.version})
        return [f"START RequestId: {request_id} Version: {self._settings.version}"]

    def timed_out(self, request_id: str) -> list[str]:
        if self._json:
            return []
        return [f"{_now()} {request_id} Task timed out after {self._settings.timeout:.2f} seconds"]

    def exited(self, request_id: str, error: str, message: str) -> list[str]:
        return [] if self._json else [f"RequestId: {request_id} Error: {message}\n{error}"]

    def end(self, request_id: str, figures: Figures) -> list[str]:
        memory = figures.memory_mb
        if self._json:
            metrics = {
                "durationMs": round(figures.duration_ms, 3),
                "billedDurationMs": figures.billed_ms,
                "memorySizeMB": self._settings.memory_mb,
                **({} if memory is None else {"maxMemoryUsedMB": memory}),
                **({} if figures.init_ms is None else {"initDurationMs": round(figures.init_ms, 3)}),
            }
            kind = {"errorType": figures.error} if figures.error else {}
            record = {"requestId": request_id, "metrics": metrics, "status": figures.status, **kind}
            return self._event("report", record, "INFO" if figures.status == "success" else "WARN")
        parts = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {figures.duration_ms:.2f} ms",
            f"Billed Duration: {figures.billed_ms} ms",
            f"Memory Size: {self._settings.memory_mb} MB",
            *([] if memory is None else [f"Max Memory Used: {memory} MB"]),
            *([] if figures.init_ms is None else [f"Init Duration: {figures.init_ms:.2f} ms"]),
            *(["Status: timeout"] if figures.status == "timeout" else []),
            # An error that the handler raised is none of the invocation.
            *(
                [f"Status: error\tError Type: {figures.error}"]
                if figures.error.startswith("Runtime.") and figures.status == "error"
                else []
            ),
        ]
        return [f"END RequestId: {request_id}", "\t".join(parts) + "\t"]

    def _event(self, kind: str, record: dict[str, Any], level: str = "INFO") -> list[str]:
        if level in _LEFT_OUT.get(self._settings.system_log_level, ()):
            return []
        return [json.dumps({"time": _now(), "type": f"platform.{kind}", "record": record})]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
