"""One real Airflow and one embedded AWS for all end-to-end tests, on free ports, in a folder of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from scripts.airflow_client import AirflowClient, Json
from scripts.airflow_settings import PROJECT
from scripts.gate_reports import gate_report
from scripts.local_stack import LocalStack
from scripts.processes import exit_when_terminated
from tests.e2e.waiting import wait_until

DAG = "flight_delay_retraining"
RUN_TIMEOUT_S = 120


@contextmanager
def running_stack(state_dir: Path, **settings: Any) -> Iterator[LocalStack]:
    """
    Airflow with the DAG unpaused: the scheduler then retrains the newest hour by itself.

    :param settings: further ones of LocalStack
    """
    # A copy, so that a test can add a model folder.
    models = state_dir / "models"
    shutil.copytree(PROJECT / "include" / "models", models)
    stack = LocalStack(state_dir, models_folder=models, **settings)
    exit_when_terminated()
    try:
        stack.up()
        stack.client().pause(DAG, False)
        yield stack
    finally:
        stack.down()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
def client(stack: LocalStack) -> AirflowClient:
    return stack.client()


@pytest.fixture
def idle(client: AirflowClient) -> None:
    """Wait until no run is under way, e.g. of the schedule, that a test would disturb."""
    wait_until(lambda: client.runs(DAG, run_type="scheduled"), timeout_s=30, what="the schedule's first run")
    for state in ("running", "queued"):
        for run in client.runs(DAG, state=state):
            client.wait_for_run(DAG, run["dag_run_id"], timeout_s=RUN_TIMEOUT_S)


@pytest.fixture
def models_folder(stack: LocalStack) -> Path:
    return stack.models_folder


@pytest.fixture
def retrain(client: AirflowClient) -> Callable[..., Json]:
    """Trigger a run and wait for its end."""

    def trigger(logical_date: datetime, conf: dict[str, Any] | None = None) -> Json:
        run = client.trigger(DAG, logical_date=logical_date, conf=conf)
        return client.wait_for_run(DAG, run["dag_run_id"], timeout_s=RUN_TIMEOUT_S)

    return trigger


@pytest.fixture
def report_of(client: AirflowClient) -> Callable[[Json], dict[str, Any]]:
    """Return the gate report of a run."""

    def read(run: Json) -> dict[str, Any]:
        report = gate_report(client, DAG, run["dag_run_id"])
        if report is None:
            instances = client.task_instances(DAG, run["dag_run_id"])
            failed = [task for task, instance in instances.items() if instance["state"] == "failed"]
            logs = "\n".join(client.log(DAG, run["dag_run_id"], task) for task in failed)
            pytest.fail(f"{run['dag_run_id']} has no gate report; {failed} failed:\n{logs}")
        return report

    return read


@pytest.fixture
def states_of(client: AirflowClient) -> Callable[[Json], dict[str, str]]:
    """Return the states of a run's tasks."""

    def read(run: Json) -> dict[str, str]:
        instances = client.task_instances(DAG, run["dag_run_id"])
        return {task: instance["state"] for task, instance in instances.items()}

    return read
