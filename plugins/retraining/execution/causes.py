"""Why an execution failed, in one sentence, whatever AWS gives as its cause."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

MAX_LENGTH = 400
# How the cause of one begins that was stopped for a person.
KILLED = "Airflow: killed"
# Where the ETL job says beside its output why it failed (include/glue/transform.py).
FAILURE = "failure.txt"
_TARGET = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+?)/?")
# Where descriptions of failed jobs and errors of functions say why: Glue's JobRun, SageMaker's TrainingJob,
# Lambda's error, an execution's own, and errors of other services.
REASONS = ("ErrorMessage", "FailureReason", "errorMessage", "Cause", "cause", "Message", "message")
# What is left to be said of a description that gives no reason.
STATES = ("JobRunState", "TrainingJobStatus", "errorType", "Error", "error", "Status")
_TRACEBACK = "Traceback (most recent call last)"
# The last line of a traceback, which is not indented, as the lines of its frames are.
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(: .*)?$")
_TAG = re.compile(r"<[^>]*>")
# What SageMaker's containers give of a script that failed.
_SCRIPT_ERROR = re.compile(r'^ErrorMessage "(.*?)"?$')


def explain_cause(cause: str | None) -> str | None:
    """Find the sentence that explains a failure.

    Step Functions gives the whole description of a failed job, or a Lambda function's error, as JSON.

    :return: one line; None when there is nothing that explains.
    """
    try:
        reason = _reason(cause)
    except RecursionError:
        reason = cause or ""
    line = " ".join(_line(reason).split())
    if not line:
        return None
    return line if len(line) <= MAX_LENGTH else f"{line[: MAX_LENGTH - 1].rsplit(' ', 1)[0]}…"


def kill_cause(dag_id: str, run_id: str, task_id: str) -> str:
    """The cause that a stopped execution carries; names the DAG run."""
    return f"{KILLED} by a person in DAG run {dag_id} / {run_id}, task {task_id}"


def left_by_job(cause: str | None) -> tuple[str, str] | None:
    """Find where a failed ETL job has left its own reason.

    :param cause: of an execution; that of a failed Glue job is its JobRun, arguments and all
        (https://docs.aws.amazon.com/glue/latest/webapi/API_JobRun.html).
    :return: bucket and key; None when no ETL job failed.
    """
    try:
        run = json.loads(cause or "")
        found = _TARGET.fullmatch(run["Arguments"]["--target"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return (found["bucket"], f"{found['key']}/{FAILURE}") if found else None


def _reason(said: Any) -> str:
    if isinstance(said, str):
        try:
            inner = json.loads(said)
        except (ValueError, RecursionError):
            return said
        return _reason(inner) if isinstance(inner, dict | list | str) else said
    if isinstance(said, list):
        return next(filter(None, map(_reason, said)), "")
    if isinstance(said, Mapping):
        return next(filter(None, (_reason(said.get(field)) for field in REASONS)), "") or _state(said)
    return ""


def _state(description: Mapping[str, Any]) -> str:
    state = next((description[field] for field in STATES if description.get(field)), None)
    if state:
        return f"{state}, and no reason was given"
    return f"no reason was given: {json.dumps(description)}" if description else ""


def _line(reason: str) -> str:
    if reason.lstrip().startswith("<"):
        # A page of a proxy or a load balancer.
        return _TAG.sub(" ", reason)
    lines = [line.rstrip() for line in reason.splitlines() if line.strip()]
    if not lines:
        return ""
    begun = next((number for number, line in enumerate(lines) if _TRACEBACK in line), None)
    if begun is not None:
        raised = [line for line in lines[begun + 1 :] if _EXCEPTION.match(line)]
        before = [*lines[:begun], lines[begun].partition(_TRACEBACK)[0]]
        return _joined([*(line for line in before[:1] if line.strip()), (raised or lines)[-1]])
    errors = [found[1] for line in lines if (found := _SCRIPT_ERROR.match(line.strip()))]
    if errors or lines[0].endswith(":"):
        return _joined([lines[0], *(errors[-1:] or lines[1:2])])
    return lines[0]


def _joined(parts: list[str]) -> str:
    """Parts of one sentence, each once."""
    return ": ".join(dict.fromkeys(part.strip().rstrip(":") for part in parts))
