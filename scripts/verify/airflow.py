"""An Airflow that is thrown away: its own home, SQLite, and one model folder, a small copy of the first."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.airflow_settings import AIRFLOW_BIN, PROJECT
from scripts.aws_account import Account
from scripts.verify.evidence import DagRun, Names
from scripts.verify.processes import RunError, own_environment, run

MODEL = PROJECT / "include" / "models" / "flight_delay"
# A week of 2013 in which flights of the sample landed; the last days validate.
WINDOW = {"window_start": "2013-05-01T00:00:00Z", "window_end": "2013-05-08T00:00:00Z"}
DAYS = ("2013-05-01", "2013-05-08")
SMALL = {"window_days": 7, "validation_days": 2, "pool": "default_pool"}


def quota_names() -> list[str]:
    """Return what Service Quotas calls the quotas of the model's instances, as preflight asks for them."""
    spec = yaml.safe_load((MODEL / "model.yaml").read_text())
    return [
        f"{spec['training']['instance_type']} for training job usage",
        f"{spec['serving']['instance_type']} for endpoint usage",
    ]


@dataclass(frozen=True)
class Airflow:
    """
    Runs DAGs against the stack.

    :param role: ARN of the role that Airflow's connection takes; None for the rights of whoever verifies.
    """

    account: Account
    names: Names
    home: Path
    role: str | None

    def prepare(self) -> None:
        """Make the database and the model folder."""
        folder = self.home / "models" / self.names.model
        shutil.copytree(MODEL, folder, dirs_exist_ok=True)
        spec = yaml.safe_load((MODEL / "model.yaml").read_text())
        spec |= {**SMALL, "name": self.names.model, "endpoint": self.names.endpoint}
        (folder / "model.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
        command = [str(AIRFLOW_BIN / "airflow"), "db", "migrate"]
        run(command, self._environment(), self.home / "db-migrate.log")

    def retrain(self, run_name: str, **params: Any) -> DagRun:
        """Run the retraining DAG over the week of the sample."""
        return self._run(run_name, "model_retraining.py", "retraining", "accuracy_gate", {**WINDOW, **params})

    def roll_back(self, run_name: str, to_model: str) -> DagRun:
        """Run the rollback DAG."""
        return self._run(run_name, "rollback.py", "rollback", "report", {"to_model": to_model})

    def look_for_leftovers(self) -> str:
        """Let housekeeping say what it would remove, and return its last words."""
        log = self.home / "housekeeping.log"
        command = [sys.executable, "-m", "scripts.housekeeping", "--state-dir", str(self.home)]
        # If it fails, its last words say why.
        with suppress(RunError):
            run(command, self._environment(), log)
        return log.read_text(errors="replace").strip().splitlines()[-1].strip()

    def _run(self, name: str, file: str, dag: str, task: str, conf: Mapping[str, Any]) -> DagRun:
        out, log = self.home / f"{name}.json", self.home / f"{name}.log"
        command = [sys.executable, "-m", "scripts.verify.dag_run", "--file", str(PROJECT / "dags" / file)]
        command += ["--dag", f"{self.names.model}_{dag}", "--conf", json.dumps(conf), "--out", str(out)]
        run(command, self._environment(), log)
        found = json.loads(out.read_text())
        xcoms = found["xcoms"]
        arn = xcoms.get("start_execution") or xcoms.get("start_rollback")
        history = self._history(arn) if arn else []
        return DagRun(found["state"], xcoms.get(task), history, log.read_text(errors="replace"))

    def _history(self, arn: str) -> list[dict[str, Any]]:
        states = self.account.session.client("stepfunctions")
        pages = states.get_paginator("get_execution_history").paginate(
            executionArn=arn, includeExecutionData=True
        )
        return [dict(event) for page in pages for event in page["events"]]

    def _environment(self) -> dict[str, str]:
        extra = {"region_name": self.account.region}
        if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
            extra["endpoint_url"] = endpoint
        if self.role:
            extra["role_arn"] = self.role
        return own_environment() | {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW_CONN_AWS_DEFAULT": json.dumps({"conn_type": "aws", "extra": extra}),
            "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}",
            "AIRFLOW__RETRAINING__STACK_NAME": self.names.stack,
            "AIRFLOW__RETRAINING__MODELS_FOLDER": str(self.home / "models"),
            "AIRFLOW__RETRAINING__SDK_PYTHON": str(PROJECT / ".venv-sdk" / "bin" / "python"),
            "PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'plugins'}",
            "PATH": os.pathsep.join([str(AIRFLOW_BIN), os.environ.get("PATH", os.defpath)]),
        }
