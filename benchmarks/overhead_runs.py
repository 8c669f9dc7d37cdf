"""Runs the retrain and its stock twins on one Airflow, in turn."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.worker_time import WorkerTime
from include.local_aws.control import Control
from scripts.airflow_client import AirflowClient
from scripts.airflow_settings import PROJECT
from scripts.local_stack import LocalStack

RUN_SECONDS = 300
# Every run is accepted, and none deploys: so executions are alike.
CONF = {"threshold": 1.0, "deploy_policy": "never"}


@dataclass(frozen=True)
class Flow:
    """A DAG that retrains.

    :param reports: the task whose result has the execution's ARN.
    :param waits: the task that waits.
    """

    dag: str
    reports: str
    waits: str


OURS = Flow("flight_delay_retraining", "accuracy_gate", "wait_for_execution")
SENSOR = Flow("stock_flow_sensor", "read_report", "wait_for_execution")
DEFERRABLE = Flow("stock_flow_deferrable", "read_report", "start_execution")
FLOWS = {"ours": OURS, "stock, sensor": SENSOR, "stock, deferrable": DEFERRABLE}


@dataclass(frozen=True)
class Run:
    """One run; all in seconds.

    :param total: from the DAG run's start to its end, ``execution`` the execution's part of it.
    :param held: a worker was held by the waiting task, once the execution ran.
    :param tasks: start and end of every task, from the run's start.
    """

    total: float
    execution: float
    held: float
    tasks: dict[str, tuple[float, float]]

    @property
    def overhead(self) -> float:
        """What the run took beside its execution."""
        return self.total - self.execution


class BenchmarkStack(LocalStack):
    """A local stack with the benchmark's DAGs and a model that its schedule leaves alone.

    :param state_dir: for everything that it writes.
    """

    def __init__(self, state_dir: Path) -> None:
        self.dags = state_dir / "dags"
        models = state_dir / "models"
        self.dags.mkdir(parents=True)
        shutil.copy(PROJECT / "dags" / "model_retraining.py", self.dags)
        for flow in (SENSOR, DEFERRABLE):
            shutil.copy(PROJECT / "benchmarks" / "stock_flow.py", self.dags / f"{flow.dag}.py")
        shutil.copytree(PROJECT / "include" / "models" / "flight_delay", models / "flight_delay")
        spec = models / "flight_delay" / "model.yaml"
        text = spec.read_text().replace('"0 * * * *"', '"0 0 * * *"')
        spec.write_text(text.replace("deploy_policy: auto", "deploy_policy: never"))
        super().__init__(state_dir, models_folder=models)

    def environment(self) -> dict[str, str]:
        """Return the environment of the Airflow components."""
        return super().environment() | {"AIRFLOW__CORE__DAGS_FOLDER": str(self.dags)}


class Runner:
    """Runs flows one at a time.

    :param stack: which runs.
    :param training_seconds: by which training jobs are made longer, as they take minutes on AWS.
    """

    def __init__(self, stack: BenchmarkStack, training_seconds: float) -> None:
        self._stack = stack
        if training_seconds:
            Control(stack.aws_url).delay_job("sagemaker", "*", training_seconds)
        self._client: AirflowClient = stack.client()
        self._states = stack.aws("stepfunctions")
        self._versions: set[str] = set()

    def prepare(self) -> None:
        """Let every flow's schedule have its one turn; the stock flows get their settings from ours."""
        self._unpause(OURS)
        execution = self._execution(self.run(OURS)[1])
        definition = self._states.describe_state_machine(stateMachineArn=execution["stateMachineArn"])
        settings = {
            "state_machine": execution["stateMachineArn"],
            "definition": json.loads(definition["definition"]),
            "input": json.loads(execution["input"]),
        }
        (self._stack.dags / "stock_flow.json").write_text(json.dumps(settings))
        for flow in (SENSOR, DEFERRABLE):
            self._unpause(flow)

    def run(self, flow: Flow) -> tuple[Run, str]:
        """Run a flow; give what it took, and the execution's ARN.

        :raises RuntimeError: when it fails, or when ours has compiled its workflow in the middle of it all.
        """
        began = datetime.now(UTC)
        workers = WorkerTime(lambda: self._stack.pids("scheduler"))
        with workers.watching():
            run = self._client.trigger(flow.dag, logical_date=began, conf=CONF)
            run = self._client.wait_for_run(flow.dag, run["dag_run_id"], timeout_s=RUN_SECONDS)
        tasks = self._client.task_instances(flow.dag, run["dag_run_id"])
        if run["state"] != "success":
            states = {name: task["state"] for name, task in tasks.items()}
            raise RuntimeError(f"{flow.dag} is {run['state']}: {states}")
        arn = self._client.xcom(flow.dag, run["dag_run_id"], flow.reports)["execution_arn"]
        execution = self._execution(arn)
        self._versions |= {execution["stateMachineVersionArn"]} if flow == OURS else set()
        if len(self._versions) > 1:
            raise RuntimeError("the workflow's sources were changed while the benchmark ran: run it again")
        started = _moment(run["start_date"])
        return Run(
            total=(_moment(run["end_date"]) - started).total_seconds(),
            execution=(execution["stopDate"] - execution["startDate"]).total_seconds(),
            held=workers.seconds(tasks[flow.waits]["id"], execution["startDate"].timestamp()),
            tasks={name: _span(task, started) for name, task in tasks.items()},
        ), arn

    def _unpause(self, flow: Flow) -> None:
        self._client.pause(flow.dag, False)
        while not (runs := self._client.runs(flow.dag)):
            time.sleep(0.2)
        for run in runs:
            self._client.wait_for_run(flow.dag, run["dag_run_id"], timeout_s=RUN_SECONDS)

    def _execution(self, arn: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._states.describe_execution(executionArn=arn)
        return found


def _span(task: Mapping[str, Any], since: datetime) -> tuple[float, float]:
    start, end = (
        (_moment(task[key]) - since).total_seconds() if task[key] else float("nan")
        for key in ("start_date", "end_date")
    )
    return start, end


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def as_json(runs: Mapping[str, list[Run]]) -> dict[str, Any]:
    """Give runs as JSON can hold them."""
    return {name: [asdict(run) for run in found] for name, found in runs.items()}
