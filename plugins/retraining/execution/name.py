"""What a run's execution is called, and how runs of one name are told apart."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

# Step Functions allows 80 characters, SageMaker 63 for training jobs and models: one name fits all, and
# leaves room for the number that a training job has at its end.
MAX_NAME_LENGTH = 60
_DIGEST_LENGTH = 10
# The input's fields that tell runs of one name apart, which two Airflows may have.
RUN_STARTED, DAG_VERSION = "RunStarted", "DagVersion"


def execution_name(dag_id: str, run_id: str, attempt: int = 1, *, state_machine: str, start: str = "") -> str:
    """Name a run's execution, training job and model.

    Deterministic, so that a task retry or a restarted worker finds what an earlier try started. The name
    reads as DAG and run; the digest keeps those apart whose readable parts are equal. Training jobs and
    models share their names with every stack of the account and region.

    :param attempt: which training of the run this is; grows when a finished run is trained again.
    :param state_machine: name of the state machine, which begins with its stack's.
    :param start: what tells the starts of one run apart, where it has several: task and map index.
    :return: at most 60 characters of [A-Za-z0-9-], no hyphen at either end.
    """
    return _readable(f"{dag_id}-{run_id}", state_machine, dag_id, run_id, str(attempt), start)


def restart_name(execution: str, try_number: int) -> str:
    """Name what is started instead of an execution that cannot be taken up.

    :param execution: name of the one that failed.
    :param try_number: of the task that waits for it, so that each of its tries starts one at most.
    """
    return _readable(execution[: -_DIGEST_LENGTH - 1], execution, f"try {try_number}")


def name_before_stacks(dag_id: str, run_id: str, attempt: int = 1) -> str:
    """The name that a run's execution had before names told stacks apart: one begun then is still found."""
    return _readable(f"{dag_id}-{run_id}", dag_id, run_id, str(attempt))


def _readable(text: str, *told_apart_by: str) -> str:
    digest = hashlib.sha256("\0".join(told_apart_by).encode()).hexdigest()[:_DIGEST_LENGTH]
    readable = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")
    readable = readable[: MAX_NAME_LENGTH - _DIGEST_LENGTH - 1].rstrip("-")
    return f"{readable}-{digest}" if readable else digest


def run_identity(started: datetime | None, dag_version: object) -> dict[str, str]:
    """Tell runs of one name apart that are of two Airflows: ids and intervals are the same in both.

    :param started: when Airflow began the run: the same for all tries, until a finished run is cleared.
    :param dag_version: ID of the DAG's version in Airflow's database: the same until the DAG changes.
    """
    identity = {DAG_VERSION: str(dag_version)} if dag_version else {}
    return {RUN_STARTED: started.astimezone(UTC).isoformat(), **identity} if started else identity


def is_same_run(before: Mapping[str, Any], identity: Mapping[str, str]) -> bool:
    """Whether what an earlier attempt started is this run's. Without an identity, it began before an upgrade.

    :param before: the input of the execution.
    :param identity: of this run, from :func:`run_identity`.
    """
    return RUN_STARTED not in before or any(before.get(key) == value for key, value in identity.items())
