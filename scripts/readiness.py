"""When the local stack is ready: each component says so itself, none is given a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx

from retraining.errors import ModelSpecError
from retraining.model.folders import load_models
from retraining.model.spec import ModelSpec
from scripts.airflow_client import AirflowClient, ApiError, Json
from scripts.components import StackError, tail
from scripts.processes import Child

# The names that /api/v2/monitor/health uses for the components that beat.
HEARTS = {"scheduler": "scheduler", "triggerer": "triggerer", "dag-processor": "dag_processor"}
DAGS = "every model's DAG"
MODEL_FOLDERS = "model_folders.py"


def expected_dags(models: Iterable[ModelSpec]) -> set[str]:
    """Return the ids of the DAGs that the models must give."""
    purposes = ("retraining", "rollback", "hold", "release")
    of_models = {f"{spec.name}_{purpose}" for spec in models for purpose in purposes}
    return of_models | {"retraining_housekeeping"}


def await_ready(
    children: Mapping[str, Child],
    *,
    fresh: set[str],
    started: datetime,
    airflow_url: str,
    aws_ready_file: Path,
    models_folder: Path,
    logs: Path,
    timeout_s: float,
    say: Callable[[str], None],
) -> None:
    """
    Wait until every component works, and say so one by one.

    :param children: the processes by component; one that dies ends the wait
    :param fresh: the components just started, whose earlier heartbeats are another process's
    :param started: when they were (UTC)
    :param airflow_url: where the API server answers
    :param aws_ready_file: what the embedded AWS writes when it has provisioned itself
    :param models_folder: the folder with one folder a model; a broken one is said, and has no DAG
    :param logs: folder with one log a component
    :param timeout_s: seconds to wait at most
    :param say: takes a line of progress
    :raises StackError: when a component dies, a DAG cannot be imported, or time is up
    """
    began = time.monotonic()
    try:
        models, broken = load_models(models_folder)
    except ModelSpecError as error:
        raise StackError(str(error)) from None
    for problem in broken:
        say(f"has no DAG: {problem}")
    missing = dict(_conditions(fresh, started, airflow_url, aws_ready_file, expected_dags(models.values())))
    if "dag-processor" in fresh:
        fresh = {*fresh, DAGS}
    while missing:
        for name, child in children.items():
            if child.process() is None:
                raise StackError(f"{name} has died; the end of its log:\n{tail(logs / f'{name}.log')}")
        for name in [name for name, ready in missing.items() if ready()]:
            del missing[name]
            if name in fresh:
                say(f"{name} is ready ({time.monotonic() - began:.1f} s)")
        if missing and time.monotonic() - began > timeout_s:
            name = next(iter(missing))
            log = logs / f"{'dag-processor' if name == DAGS else name}.log"
            raise StackError(
                f"not ready after {timeout_s:.0f} s: {', '.join(missing)}; the end of the log:\n{tail(log)}"
            )
        time.sleep(0.25)


def _conditions(
    fresh: set[str], started: datetime, airflow_url: str, aws_ready_file: Path, expected: set[str]
) -> Iterator[tuple[str, Callable[[], bool]]]:
    clients: list[AirflowClient] = []

    def api_answers() -> bool:
        with suppress(httpx.TransportError, ApiError):
            clients.append(AirflowClient(airflow_url))
        return bool(clients)

    def beats(component: str) -> bool:
        if not clients:
            return False
        with suppress(httpx.TransportError, ApiError):
            health = clients[0].health()[HEARTS[component]]
            beat = health.get(f"latest_{HEARTS[component]}_heartbeat")
            recent = component not in fresh or _since(beat, started)
            return health["status"] == "healthy" and recent
        return False

    def dags_parsed() -> bool:
        if not clients:
            return False
        since = started if "dag-processor" in fresh else datetime.fromtimestamp(0, UTC)
        with suppress(httpx.TransportError, ApiError):
            _refuse_import_errors(
                [error for error in clients[0].import_errors() if _since(error["timestamp"], since)]
            )
            parsed = {id_ for id_, dag in clients[0].dags().items() if _since(dag["last_parsed_time"], since)}
            return expected <= parsed
        return False

    yield "aws", aws_ready_file.exists
    yield "api-server", api_answers
    for component in HEARTS:
        yield component, partial(beats, component)
    yield DAGS, dags_parsed


def _since(timestamp: str | None, moment: datetime) -> bool:
    return timestamp is not None and datetime.fromisoformat(timestamp) >= moment


def _refuse_import_errors(errors: list[Json]) -> None:
    # Its errors are those of broken folders, which take no other DAG down.
    if errors := [error for error in errors if Path(error["filename"]).name != MODEL_FOLDERS]:
        found = "\n".join(f"  {error['filename']}: {error['stack_trace'].strip()}" for error in errors)
        raise StackError(f"DAGs cannot be imported:\n{found}")
