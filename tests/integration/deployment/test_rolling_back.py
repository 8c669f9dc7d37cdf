"""Rolling an endpoint back by the project's own state machine, as the DAG's tasks do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.local_aws.control import Control
from retraining.model.folders import load_spec
from retraining.operators.start_rollback import StartRollbackOperator
from retraining.sensors.rollback import RollbackReportSensor
from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.deployment.deployments import Deployer, deploy_workflow
from tests.integration.embedded_aws import LocalAws
from tests.integration.endpoints import HIGH, predict, settled
from tests.integration.housekeeping.old_runs import OldRuns, model_folder


class Rollbacks:
    """A model with three accepted runs, the newest in service."""

    def __init__(self, aws: LocalAws, folder: Path, artifacts: dict[str, str]) -> None:
        self.aws = aws
        self.folder = folder
        spec = load_spec(folder)
        self.endpoint = spec.endpoint
        self.workflow = deploy_workflow(folder)
        old = OldRuns(aws, spec.name, spec.endpoint, artifacts["opposite"])
        new = OldRuns(aws, spec.name, spec.endpoint, artifacts["model"])
        self.names = [old.accept(0), old.accept(3), new.accept(6)]

    def start(self, run_id: str, clear_number: int = 0, **params: Any) -> str:
        """Run the task that starts, as a worker does; the execution's ARN."""
        task = StartRollbackOperator(
            task_id="start", model_folder=self.folder, deployment=self.workflow, aws_conn_id=CONN_ID
        )
        return task.execute(self.context(run_id, clear_number, **params))  # type: ignore[arg-type]

    def report(self, execution: str) -> dict[str, Any]:
        """Run the task that reports; the report."""
        task = RollbackReportSensor(
            task_id="report",
            execution_arn=execution,
            model_folder=self.folder,
            aws_conn_id=CONN_ID,
            poke_interval=0.2,
            timeout=60,
        )
        return task.execute(self.context("report"))  # type: ignore[arg-type]

    def roll_back(self, **params: Any) -> dict[str, Any]:
        return self.report(self.start(f"manual__{uuid4()}", **params))

    def context(self, run_id: str, clear_number: int = 0, **params: Any) -> FakeContext:
        context = FakeContext(run_id, clear_number=clear_number, params=params)
        context["ti"].task_id, context["ti"].map_index = "report", -1
        context["dag_run"].dag_id = f"{self.folder.name}_rollback"
        return context

    @property
    def served(self) -> str:
        """The model that serves."""
        config = settled(self.aws, self.endpoint)["EndpointConfigName"]
        described = self.aws.client("sagemaker").describe_endpoint_config(EndpointConfigName=config)
        return str(described["ProductionVariants"][0]["ModelName"])

    def executions(self) -> list[str]:
        listed = self.aws.client("stepfunctions").list_executions(
            stateMachineArn=self.workflow["state_machine"].rpartition(":")[0]
        )
        return [execution["executionArn"] for execution in listed["executions"]]


@pytest.fixture(scope="module")
def rollbacks(
    local_aws: LocalAws,
    models: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    seen: Callable[[], None],
) -> Rollbacks:
    with pytest.MonkeyPatch.context() as monkeypatch:
        connect(monkeypatch, local_aws)
        describe = local_aws.client("sagemaker").describe_model
        artifacts = {
            name: describe(ModelName=model)["PrimaryContainer"]["ModelDataUrl"]
            for name, model in models.items()
        }
        rollbacks = Rollbacks(
            local_aws, model_folder(tmp_path_factory.mktemp("models"), "rolled_back"), artifacts
        )
        seen()
        # It makes the endpoint too.
        rollbacks.roll_back(to_model=rollbacks.names[2])
        return rollbacks


@pytest.fixture(autouse=True)
def in_service(
    monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, rollbacks: Rollbacks, seen: Callable[[], None]
) -> None:
    """The newest model serves."""
    connect(monkeypatch, local_aws)
    if rollbacks.served != rollbacks.names[2]:
        rollbacks.roll_back(to_model=rollbacks.names[2])
    assert rollbacks.served == rollbacks.names[2]
    seen()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"to_model": "no-such-model"}, "'no-such-model' is no accepted model"),
        ({"to_window_end": "2013-05-01T01:00:00Z"}, "no accepted model for .* 2013-05-01T01:00:00Z"),
        ({"endpoint": "not-made"}, "'not-made' serves nothing"),
    ],
)
def test_bad_input_starts_nothing_and_lists_the_candidates(
    rollbacks: Rollbacks, params: dict[str, Any], message: str
) -> None:
    before = rollbacks.executions()
    with pytest.raises(AirflowFailException, match=message) as error:
        rollbacks.start("manual__bad", **params)
    assert [name in str(error.value) for name in rollbacks.names] == [True] * 3
    assert rollbacks.executions() == before


def test_a_model_whose_artifact_is_gone_is_refused_by_name_and_passed_over_by_default(
    rollbacks: Rollbacks,
) -> None:
    first, second, _ = rollbacks.names
    s3, bucket = rollbacks.aws.client("s3"), rollbacks.aws.outputs["Bucket"]
    key = f"runs/{second}/validation/part-0.csv"
    rows = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.delete_object(Bucket=bucket, Key=key)
    try:
        with pytest.raises(AirflowFailException, match=f"{second} .* cannot be deployed: s3://.*was deleted"):
            rollbacks.start("manual__gone", to_model=second)
        assert rollbacks.roll_back()["model_name"] == first
    finally:
        s3.put_object(Bucket=bucket, Key=key, Body=rows)


def test_without_params_the_endpoint_goes_to_the_model_before(rollbacks: Rollbacks) -> None:
    before = predict(rollbacks.aws, rollbacks.endpoint, HIGH)
    report = rollbacks.roll_back()
    assert report["outcome"] == "deployed"
    assert (report["replaced_model"], report["model_name"]) == (rollbacks.names[2], rollbacks.names[1])
    assert report["window_end"] == "2013-05-01T03:00:00Z"
    assert rollbacks.served == rollbacks.names[1]
    assert predict(rollbacks.aws, rollbacks.endpoint, HIGH) != before


def test_a_window_is_rolled_back_to_and_doing_it_twice_is_harmless(rollbacks: Rollbacks) -> None:
    for replaced in (rollbacks.names[2], rollbacks.names[0]):
        report = rollbacks.roll_back(to_window_end="2013-05-01T00:00:00Z")
        assert (report["outcome"], report["replaced_model"]) == ("deployed", replaced)
        assert rollbacks.served == rollbacks.names[0]


def test_a_retry_and_a_cleared_run_go_where_the_run_went_first(rollbacks: Rollbacks) -> None:
    run_id = f"manual__{uuid4()}"
    first = rollbacks.start(run_id)
    rollbacks.report(first)
    assert rollbacks.start(run_id) == first
    again = rollbacks.start(run_id, clear_number=1)
    assert again != first
    assert rollbacks.report(again)["model_name"] == rollbacks.names[1]
    assert rollbacks.served == rollbacks.names[1]


def test_a_rollback_that_fails_is_reported_and_leaves_the_endpoint_as_it_was(
    rollbacks: Rollbacks, control: Control
) -> None:
    control.fail_deployment(rollbacks.endpoint, "no capacity")
    with pytest.raises(AirflowFailException, match="no capacity"):
        rollbacks.roll_back()
    assert rollbacks.served == rollbacks.names[2]
    table = rollbacks.aws.outputs["DeploymentsTable"]
    claim = rollbacks.aws.client("dynamodb").get_item(
        TableName=table, Key={"Endpoint": {"S": rollbacks.endpoint}}
    )
    assert claim["Item"]["ModelName"]["S"] == rollbacks.names[2]


def test_the_endpoint_is_held_to_the_model_unless_the_run_says_otherwise(rollbacks: Rollbacks) -> None:
    sagemaker = rollbacks.aws.client("sagemaker")
    artifact = sagemaker.describe_model(ModelName=rollbacks.names[1])["PrimaryContainer"]["ModelDataUrl"]
    retrains = replace(Deployer.of(rollbacks.aws, rollbacks.workflow, artifact), endpoint=rollbacks.endpoint)
    report = rollbacks.roll_back(reason="it is slow")
    assert (report["model_name"], report["held_because"]) == (rollbacks.names[1], "it is slow")
    assert report["held_by"].startswith("manual__")
    assert retrains.deploy(9) == "held"
    assert rollbacks.served == rollbacks.names[1]

    report = rollbacks.roll_back(to_model=rollbacks.names[0])
    assert report["held_because"] == f"rolled back from {rollbacks.names[1]}"
    report = rollbacks.roll_back(to_model=rollbacks.names[2], hold=False)
    assert (report["outcome"], report["held_by"]) == ("deployed", None)
    assert retrains.deploy(9) == "deployed"


def test_what_is_made_for_a_rollback_is_traced_to_its_run_and_its_model(rollbacks: Rollbacks) -> None:
    execution = rollbacks.start("manual__traced", to_model=rollbacks.names[0])
    rollbacks.report(execution)
    given = json.loads(
        rollbacks.aws.client("stepfunctions").describe_execution(executionArn=execution)["input"]
    )
    config = rollbacks.aws.client("sagemaker").describe_endpoint_config(
        EndpointConfigName=given["EndpointConfigName"]
    )
    listed = rollbacks.aws.client("sagemaker").list_tags(ResourceArn=config["EndpointConfigArn"])["Tags"]
    tags = {tag["Key"]: tag["Value"] for tag in listed}
    assert tags["retraining:dag-id"] == f"{rollbacks.folder.name}_rollback"
    assert tags["retraining:run-id"] == "manual__traced"
    assert tags["retraining:training-job-name"] == rollbacks.names[0]
