"""A small workflow that extracts with Glue and trains with SageMaker, and what it left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from airflow.sdk import Context

from retraining.operators.start_execution import StartExecutionOperator
from tests.integration.embedded_aws import LocalAws
from tests.integration.sagemaker_requests import training_request
from tests.integration.state_machines import ETL, TRAIN, create_glue_job, create_machine, task_state


@dataclass(frozen=True)
class Workflow:
    """
    A state machine of two states, Glue and training.

    :param arn: its ARN.
    :param glue_job: the Glue job of its first state.
    """

    aws: LocalAws
    arn: str
    glue_job: str

    def executions(self, status: str | None = None) -> list[str]:
        """ARNs of its executions."""
        given = {"statusFilter": status} if status else {}
        found = self.aws.client("stepfunctions").list_executions(stateMachineArn=self.arn, **given)
        return [execution["executionArn"] for execution in found["executions"]]

    def describe(self, execution: str) -> dict[str, Any]:
        """An execution as it is now."""
        found: dict[str, Any] = self.aws.client("stepfunctions").describe_execution(executionArn=execution)
        return found

    def glue_runs(self) -> list[str]:
        """States of the runs of its Glue job."""
        runs = self.aws.client("glue").get_job_runs(JobName=self.glue_job)["JobRuns"]
        return [run["JobRunState"] for run in runs]

    def training_jobs(self, run_id: str) -> dict[str, str]:
        """Names and statuses of the training jobs of a DAG run."""
        found = self.aws.client("sagemaker").list_training_jobs(NameContains=run_id)
        return {job["TrainingJobName"]: job["TrainingJobStatus"] for job in found["TrainingJobSummaries"]}


class StartTraining(StartExecutionOperator):
    """Starts an execution whose training job is named after it."""

    def make_input(self, name: str, context: Context) -> dict[str, Any]:
        """Add the training job's name."""
        return {"TrainingJobName": name, **super().make_input(name, context)}


@contextmanager
def workflow(aws: LocalAws) -> Iterator[Workflow]:
    """A workflow of its own; what still runs at the end is stopped."""
    job = create_glue_job(aws, "print('extracted')")
    etl = task_state(ETL, {"JobName": job}, ResultPath="$.Etl")
    del etl["End"]
    request = training_request(aws)
    del request["TrainingJobName"]
    request["TrainingJobName.$"] = (
        "States.Format('{}-{}', $$.Execution.Input['TrainingJobName'], $$.Execution.RedriveCount)"
    )
    made = Workflow(aws, create_machine(aws, etl, task_state(TRAIN, request, ResultPath="$.Training")), job)
    yield made
    for execution in made.executions("RUNNING"):
        aws.client("stepfunctions").stop_execution(executionArn=execution)
