"""Backfills of the retraining DAG, and what they leave in AWS."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from benchmarks.plain_retrain import plain_retrain
from retraining.execution.name import execution_name
from scripts.airflow_settings import PROJECT
from scripts.backfills import Backfill
from scripts.endpoint_check import download_flights
from scripts.local_stack import LocalStack
from tests.e2e.conftest import DAG
from tests.e2e.retrain_runs import MACHINE, STATE_MACHINE

HOUR = timedelta(hours=1)
FLIGHT_DELAY = PROJECT / "include" / "models" / "flight_delay"


class RetrainBackfill(Backfill):
    """
    A backfill of retrains of the first model, of hours that have no run yet.

    :param first: end of the first hour.
    """

    def __init__(self, stack: LocalStack, first: datetime, hours: int, **options: Any) -> None:
        self.ends = [first + number * HOUR for number in range(hours)]
        super().__init__(stack, DAG, first - HOUR, self.ends[-1], **options)

    def plain_errors(self, folder: Path) -> dict[datetime, float]:
        """The validation errors that the plain script computes, by the end of the window."""
        spec = yaml.safe_load((FLIGHT_DELAY / "model.yaml").read_text())
        window, validation = (timedelta(days=spec[key]) for key in ("window_days", "validation_days"))
        bucket = self.stack.outputs()["Bucket"]
        download_flights(self.stack.aws("s3"), bucket, self.ends[0] - window, self.ends[-1], folder)
        sql = (FLIGHT_DELAY / "transform.sql").read_text()
        return {
            end: plain_retrain(folder, sql, end - window, end - validation, end, spec["hyperparameters"])
            for end in self.ends
        }

    def executions(self) -> dict[str, list[str]]:
        """Status of every execution of its runs, whatever attempt, by run id."""
        names = {
            execution_name(DAG, run["dag_run_id"], attempt, state_machine=MACHINE): run["dag_run_id"]
            for run in self.runs()
            for attempt in range(1, 5)
        }
        found: dict[str, list[str]] = {run_id: [] for run_id in names.values()}
        states = self.stack.aws("stepfunctions")
        for page in states.get_paginator("list_executions").paginate(stateMachineArn=STATE_MACHINE):
            for item in page["executions"]:
                if item["name"] in names:
                    found[names[item["name"]]].append(item["status"])
        return found

    def training_jobs(self) -> list[str]:
        """Names of all training jobs of its runs."""
        prefixes = tuple(
            f"{execution_name(DAG, run['dag_run_id'], state_machine=MACHINE)}-" for run in self.runs()
        )
        pages = self.stack.aws("sagemaker").get_paginator("list_training_jobs").paginate()
        names = (job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"])
        return [name for name in names if name.startswith(prefixes)]
