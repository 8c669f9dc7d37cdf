"""What a DAG run has left in AWS, and the ways a person has to end one."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from retraining.execution.name import execution_name
from scripts.gate_reports import gate_report
from scripts.local_stack import LocalStack
from tests.e2e.conftest import DAG

MACHINE = "model-retraining-flight_delay"
STATE_MACHINE = f"arn:aws:states:us-east-1:123456789012:stateMachine:{MACHINE}"
WAITING = "wait_for_execution"


class RetrainRun:
    """One run of the DAG, triggered by hand, and what it has begun in AWS."""

    def __init__(self, stack: LocalStack, conf: dict[str, Any] | None = None) -> None:
        self.stack = stack
        self.client = stack.client()
        self.run_id: str = self.client.trigger(DAG, conf={"deploy_policy": "never", **(conf or {})})[
            "dag_run_id"
        ]

    @property
    def _path(self) -> str:
        return f"/api/v2/dags/{DAG}/dagRuns/{quote(self.run_id, safe='')}"

    def name(self, attempt: int = 1) -> str:
        """Name of the run's execution."""
        return execution_name(DAG, self.run_id, attempt, state_machine=MACHINE)

    def state(self, task_id: str = WAITING) -> str | None:
        """State of a task."""
        instances = self.client.task_instances(DAG, self.run_id)
        state: str | None = instances.get(task_id, {}).get("state")
        return state

    def is_waited_for(self) -> bool:
        """Whether the triggerer waits for the execution."""
        return self.state() == "deferred" and self.waits() > 0

    def waits(self) -> int:
        """How often a triggerer has begun to wait for the execution."""
        return self.client.log(DAG, self.run_id, WAITING).count(" starting")

    def executions(self) -> list[dict[str, Any]]:
        """The run's executions, described, the oldest first."""
        states = self.stack.aws("stepfunctions")
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=STATE_MACHINE)
        names = {self.name(attempt) for attempt in range(1, 5)}
        found = [item for page in pages for item in page["executions"] if item["name"] in names]
        described = [states.describe_execution(executionArn=item["executionArn"]) for item in found]
        return sorted(described, key=lambda execution: execution["startDate"])

    def training_jobs(self, attempt: int = 1) -> list[dict[str, Any]]:
        """The run's training jobs."""
        pages = self.stack.aws("sagemaker").get_paginator("list_training_jobs").paginate()
        jobs = [job for page in pages for job in page["TrainingJobSummaries"]]
        return [job for job in jobs if job["TrainingJobName"].startswith(f"{self.name(attempt)}-")]

    def mark_failed(self, task_id: str = WAITING) -> None:
        """As the button of that name does."""
        self.client.request("PATCH", f"{self._path}/taskInstances/{task_id}", {"new_state": "failed"})

    def clear(self, *task_ids: str) -> None:
        """Clear tasks; all of them when none is named."""
        body: dict[str, Any] = {"dag_run_id": self.run_id, "dry_run": False, "only_failed": False}
        body |= {"task_ids": list(task_ids)} if task_ids else {}
        self.client.request("POST", f"/api/v2/dags/{DAG}/clearTaskInstances", body)

    def stop_and_delete(self) -> None:
        """Airflow deletes only runs that do not run."""
        self.client.request("PATCH", self._path, {"state": "failed"})
        self.client.request("DELETE", self._path, {})

    def ended(self, timeout_s: float = 180) -> str:
        """Wait for the run's end; its state."""
        run = self.client.wait_for_run(DAG, self.run_id, timeout_s=timeout_s)
        return str(run["state"])

    def report(self) -> dict[str, Any]:
        """The gate report."""
        report = gate_report(self.client, DAG, self.run_id)
        assert report is not None, self.client.task_instances(DAG, self.run_id)
        return report
