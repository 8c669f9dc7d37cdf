"""Deployments of models that are trained already, by the project's own state machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from retraining.execution.causes import explain_cause
from retraining.execution.window import iso
from retraining.operators.deploy_workflow import DeployWorkflowOperator
from tests.integration.airflow_side import CONN_ID, FakeContext
from tests.integration.embedded_aws import STACK_NAME, LocalAws
from tests.integration.endpoints import settled
from tests.integration.sagemaker_requests import IMAGE, training_request
from tests.integration.state_machines import ended

EPOCH = datetime(2013, 5, 1, tzinfo=UTC)


def deploy_workflow(folder: Path, stack: str = STACK_NAME) -> dict[str, str]:
    """Bring a model folder's state machine into the embedded AWS, as the DAG's first task does."""
    deploy = DeployWorkflowOperator(
        task_id="deploy", model_folder=folder, stack_name=stack, aws_conn_id=CONN_ID
    )
    return deploy.execute(FakeContext("deploy"))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Deployer:
    """Deploys to one endpoint of its own.

    :param workflow: what the deploy task returned.
    :param artifact: ``s3://`` URI of a trained model.
    :param rows: name of the training job whose validation rows are to be predicted.
    """

    aws: LocalAws
    workflow: dict[str, str]
    artifact: str
    rows: str
    endpoint: str

    @classmethod
    def of(cls, aws: LocalAws, workflow: dict[str, str], artifact: str) -> Deployer:
        rows = training_request(aws)["TrainingJobName"]
        return cls(aws, workflow, artifact, rows, f"endpoint-{uuid4().hex[:12]}")

    def no_archive(self) -> str:
        """An artifact that no endpoint can load."""
        uri = self.artifact.replace("model.tar.gz", "nothing.tar.gz")
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"nothing")
        return uri

    def start(self, hour: int, *, policy: str = "if_newer", artifact: str | None = None) -> str:
        """Start deploying an accepted model whose window ends at an hour; gives the execution's ARN."""
        name, end = f"h{hour}-{uuid4().hex[:12]}", EPOCH + timedelta(hours=hour)
        self.aws.client("sagemaker").create_model(
            ModelName=name,
            ExecutionRoleArn=self.aws.outputs["TrainingRoleArn"],
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": artifact or self.artifact},
        )
        given = {
            "Redeploy": True,
            "TrainingJobName": self.rows,
            "ModelName": name,
            "EndpointConfigName": name,
            "EndpointName": self.endpoint,
            "WindowStart": iso(end - timedelta(days=28)),
            "WindowEnd": iso(end),
            "DeployPolicy": policy,
            "DagId": "a_dag",
            "RunId": name,
            "Fingerprint": self.workflow["fingerprint"],
            "DeploymentsTable": self.workflow["deployments_table"],
            "EndpointTestFunctionName": self.workflow["endpoint_test_function"],
            "DeploymentFunctionName": self.workflow["deployment_function"],
        }
        started: str = self.aws.client("stepfunctions").start_execution(
            stateMachineArn=self.workflow["state_machine"], name=name, input=json.dumps(given)
        )["executionArn"]
        return started

    def outcome(self, execution: str) -> str:
        """Wait for an execution; gives its outcome, or why it failed."""
        found = ended(self.aws, execution)
        if found["status"] == "SUCCEEDED":
            return str(json.loads(found["output"])["Outcome"])
        return f"{found.get('error')}: {explain_cause(found.get('cause'))}"

    def deploy(self, hour: int, **options: Any) -> str:
        """Start a deployment and wait for its outcome."""
        return self.outcome(self.start(hour, **options))

    @property
    def served_hour(self) -> int:
        """The hour of the model that the endpoint serves."""
        config = settled(self.aws, self.endpoint)["EndpointConfigName"]
        return int(config.partition("-")[0].removeprefix("h"))
