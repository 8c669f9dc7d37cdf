"""A model with old runs, and its housekeeping at a moment when they are old."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from retraining.housekeeping.aws.housekeeper import Housekeeper, Plan
from retraining.model.folders import load_spec
from retraining.operators.housekeeping import HousekeepingOperator
from tests.integration.airflow_side import CONN_ID, FakeContext
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.endpoints import settled
from tests.integration.housekeeping.old_runs import OldRuns

RETENTION = {"count": 5, "days": 30}


class Tidied:
    """A model, its old runs, and the housekeeping of it."""

    def __init__(self, aws: LocalAws, folder: Path, artifact: str, lag: float = 0) -> None:
        self.aws = aws
        self.lag = lag
        self.folder = folder
        spec = load_spec(folder)
        self.runs = OldRuns(aws, spec.name, spec.endpoint, artifact)
        self.old = datetime.now(UTC)
        self._endpoints: list[str] = []

    def is_old_now(self) -> None:
        """What is there so far is older than the retention; what comes is not."""
        # S3 tells times by the second.
        self.old = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
        until(lambda: datetime.now(UTC) > self.old + timedelta(seconds=self.lag))

    def keep_house(self, monkeypatch: pytest.MonkeyPatch, context: Any = None, **options: Any) -> Any:
        """Run the task, thirty days after what is old."""
        plan = Housekeeper.plan

        def later(housekeeper: Housekeeper) -> Plan:
            return plan(housekeeper, self.old + timedelta(days=30, microseconds=-1))

        operator = HousekeepingOperator(
            task_id="tidy",
            model_folder=self.folder,
            stack_name=self.aws.stack,
            aws_conn_id=CONN_ID,
            **options,
        )
        with monkeypatch.context() as patch:
            patch.setattr(Housekeeper, "plan", later)
            # What the embedded AWS does is seen at once, unless a test lets its reads lag.
            patch.setattr("retraining.housekeeping.aws.housekeeper.SEEN_SECONDS", self.lag and self.lag + 1)
            return operator.execute(context or FakeContext("tidy"))  # type: ignore[arg-type]

    def serve(self, config: str) -> str:
        """An endpoint in service."""
        name = f"endpoint-{uuid4().hex[:12]}"
        self._endpoints.append(name)
        self.aws.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=config)
        assert settled(self.aws, name)["EndpointStatus"] == "InService"
        return name

    def claim(self, endpoint: str, config: str, model: str) -> None:
        claim = {"Endpoint": endpoint, "EndpointConfigName": config, "ModelName": model}
        item = {name: {"S": value} for name, value in claim.items()}
        self.aws.client("dynamodb").put_item(TableName=self.aws.outputs["DeploymentsTable"], Item=item)

    def execute(self, state: dict[str, Any], name: str, given: dict[str, str]) -> str:
        """Start an execution of the model's state machine."""
        states = self.aws.client("stepfunctions")
        machine = f"{self.aws.stack}-{self.runs.model}"
        definition = {"StartAt": "Only", "States": {"Only": state}}
        arn = states.create_state_machine(
            name=machine,
            definition=json.dumps(definition),
            roleArn=self.aws.outputs["StateMachineRoleArn"],
        )["stateMachineArn"]
        execution: str = states.start_execution(stateMachineArn=arn, name=name, input=json.dumps(given))[
            "executionArn"
        ]
        return execution

    def close(self) -> None:
        sagemaker = self.aws.client("sagemaker")
        for name in self._endpoints:
            if sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService":
                sagemaker.delete_endpoint(EndpointName=name)
