"""Two stacks in one account and region, with the same models: each one keeps to what is its own."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException

from include.local_aws.control import Control
from retraining.operators.hold import HoldEndpointOperator, ReleaseEndpointOperator
from retraining.operators.start_retrain import StartRetrainOperator
from retraining.operators.start_rollback import StartRollbackOperator
from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.deployment.deployments import Deployer, deploy_workflow
from tests.integration.embedded_aws import PROJECT, LocalAws, until
from tests.integration.housekeeping.old_runs import model_folder
from tests.integration.housekeeping.tidied import Tidied
from tests.integration.state_machines import WAIT

FLIGHT_DELAY = PROJECT / "include" / "models" / "flight_delay"
# Data of the windows that these tests train on.
DATA = "data/flights/date=2013-09"


@pytest.fixture
def artifact(local_aws: LocalAws, models: dict[str, str]) -> str:
    """A model that the first stack has trained."""
    described = local_aws.client("sagemaker").describe_model(ModelName=models["model"])
    return str(described["PrimaryContainer"]["ModelDataUrl"])


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, artifact: str, tmp_path: Path) -> Tidied:
    """A model of the first stack."""
    connect(monkeypatch, local_aws)
    return Tidied(local_aws, model_folder(tmp_path, retention={"count": 5, "days": 30}), artifact)


@pytest.fixture
def test_stack(production: Tidied, second_stack: LocalAws, tmp_path: Path, artifact: str) -> Tidied:
    """The same model in the second stack, whose people keep but one of each."""
    folder = tmp_path / "test" / production.folder.name
    shutil.copytree(production.folder, folder)
    content = yaml.safe_load((folder / "model.yaml").read_text())
    content["retention"] = {"count": 1, "days": 1}
    (folder / "model.yaml").write_text(yaml.safe_dump(content))
    bucket, key = artifact.removeprefix("s3://").split("/", 1)
    production.aws.client("s3").copy_object(
        Bucket=second_stack.outputs["Bucket"], Key=key, CopySource={"Bucket": bucket, "Key": key}
    )
    return Tidied(second_stack, folder, f"s3://{second_stack.outputs['Bucket']}/{key}")


def before_there_were_tags(tidied: Tidied, names: list[str]) -> None:
    """What a stack made before it was upgraded."""
    sagemaker = tidied.aws.client("sagemaker")
    for name in names:
        for kind in ("model", "endpoint-config"):
            arn = f"arn:aws:sagemaker:us-east-1:123456789012:{kind}/{name}"
            sagemaker.delete_tags(ResourceArn=arn, TagKeys=["retraining:stack"])


@pytest.mark.parametrize("tagged", [True, False], ids=["tagged", "made before there were tags"])
def test_housekeeping_of_one_removes_nothing_of_the_others(
    production: Tidied, test_stack: Tidied, monkeypatch: pytest.MonkeyPatch, tagged: bool
) -> None:
    theirs = production.runs.accepted(range(6))
    ours = [test_stack.runs.accept(hour) for hour in (0, 3, 6)]
    if not tagged:
        before_there_were_tags(production, theirs)
        before_there_were_tags(test_stack, ours)
    production.claim(f"claimed-{uuid4().hex}", theirs[1], theirs[1])
    rollback = production.execute(WAIT, f"rollback-{uuid4().hex}", {"ModelName": theirs[2]})
    production.is_old_now()
    test_stack.old = production.old

    removed = test_stack.keep_house(monkeypatch)["removed"]
    assert test_stack.runs.models() == {*theirs, ours[2]}
    assert (removed["models"], removed["endpoint configs"], removed["objects"]) == (2, 2, 4)
    assert {*theirs[::3]} <= production.runs.folders()

    production.keep_house(monkeypatch)
    assert production.runs.models() == {*theirs[1:], ours[2]}
    production.aws.client("stepfunctions").stop_execution(executionArn=rollback)


def test_rollback_of_one_refuses_the_others_models(production: Tidied, test_stack: Tidied) -> None:
    theirs, old, ours = production.runs.accept(3), production.runs.accept(6), test_stack.runs.accept(0)
    before_there_were_tags(production, [old])
    deployment = deploy_workflow(test_stack.folder, test_stack.aws.stack)

    def start(model: str) -> str:
        task = StartRollbackOperator(
            task_id="start", model_folder=test_stack.folder, deployment=deployment, aws_conn_id=CONN_ID
        )
        return task.execute(FakeContext(f"manual__{uuid4()}", params={"to_model": model}))  # type: ignore[arg-type]

    why = f"of stack '{test_stack.aws.stack}', but of '{production.aws.stack}'"
    for name, reason in ((theirs, why), (old, f"{old} .* cannot be deployed: s3://.* is another stack's")):
        with pytest.raises(AirflowFailException, match=reason):
            start(name)
    for name in (ours, ours):
        test_stack.aws.client("stepfunctions").stop_execution(executionArn=start(name))
        before_there_were_tags(test_stack, [ours])


def test_the_same_run_of_both_trains_in_both(
    monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, second_stack: LocalAws
) -> None:
    connect(monkeypatch, local_aws)
    share_data(local_aws, second_stack)
    run_id, states = f"scheduled__{uuid4().hex[:8]}", local_aws.client("stepfunctions")
    executions = [retrain(aws, run_id, f"endpoint-{uuid4().hex[:12]}") for aws in (local_aws, second_stack)]
    # Training jobs are named after the executions, and no two jobs of an account have one name.
    assert len({execution.rpartition(":")[2] for execution in executions}) == 2
    try:
        for aws, execution in zip((local_aws, second_stack), executions, strict=True):
            job = until(partial(training_of, aws, execution), explain=partial(events, aws, execution))
            tags = aws.client("sagemaker").list_tags(ResourceArn=job)["Tags"]
            assert {"Key": "retraining:stack", "Value": aws.stack} in tags
            machine = states.describe_execution(executionArn=execution)["stateMachineArn"]
            tags = states.list_tags_for_resource(resourceArn=machine)["tags"]
            assert {"key": "retraining:stack", "value": aws.stack} in tags
    finally:
        for execution in executions:
            states.stop_execution(executionArn=execution)


@pytest.fixture
def deployers(
    monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, second_stack: LocalAws, artifact: str
) -> tuple[Deployer, Deployer]:
    """Deployments of two stacks to one endpoint, which the first has deployed to."""
    connect(monkeypatch, local_aws)
    first, second = (
        Deployer.of(aws, deploy_workflow(FLIGHT_DELAY, aws.stack), artifact)
        for aws in (local_aws, second_stack)
    )
    assert first.deploy(5) == "deployed"
    return first, replace(second, endpoint=first.endpoint)


def test_a_window_of_whatever_age_does_not_take_the_endpoint_of_another_stack(
    deployers: tuple[Deployer, Deployer], control: Control
) -> None:
    production, test_stack = deployers
    control.reset_requests()
    for hour, policy in ((4, "if_newer"), (6, "force")):
        outcome = test_stack.deploy(hour, policy=policy)
        assert outcome.startswith("EndpointOfAnotherStack: ")
        assert "belongs to stack model-retraining, not to model-retraining-test" in outcome
    made = {"sagemaker.UpdateEndpoint", "sagemaker.CreateEndpointConfig", "dynamodb.PutItem"}
    assert not made & control.requests().counts.keys()
    assert production.served_hour == 5
    assert production.deploy(6) == "deployed"


def test_a_run_for_another_stacks_endpoint_starts_nothing(
    deployers: tuple[Deployer, Deployer], control: Control
) -> None:
    _, test_stack = deployers
    control.reset_requests()
    with pytest.raises(
        AirflowFailException, match=r"endpoint: .* belongs to stack 'model-retraining', not to"
    ):
        retrain(test_stack.aws, f"manual__{uuid4()}", test_stack.endpoint)
    rollback = StartRollbackOperator(
        task_id="start", model_folder=FLIGHT_DELAY, deployment=test_stack.workflow, aws_conn_id=CONN_ID
    )
    context = FakeContext(f"manual__{uuid4()}", params={"endpoint": test_stack.endpoint})
    with pytest.raises(
        AirflowFailException, match=r"endpoint: .* belongs to stack 'model-retraining', not to"
    ):
        rollback.execute(context)  # type: ignore[arg-type]
    for held in (HoldEndpointOperator, ReleaseEndpointOperator):
        task = held(
            task_id="hold",
            endpoint=test_stack.endpoint,
            stack_name=test_stack.aws.stack,
            aws_conn_id=CONN_ID,
        )
        with pytest.raises(AirflowFailException, match=r"belongs to stack 'model-retraining', not to"):
            task.execute(context)  # type: ignore[arg-type]
    assert not {"stepfunctions.StartExecution", "dynamodb.UpdateItem"} & control.requests().counts.keys()


def test_an_endpoint_of_before_there_were_tags_stays_with_who_deployed_to_it(
    deployers: tuple[Deployer, Deployer],
) -> None:
    production, test_stack = deployers
    sagemaker = production.aws.client("sagemaker")
    arn = sagemaker.describe_endpoint(EndpointName=production.endpoint)["EndpointArn"]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["retraining:stack"])
    # As it once took it, before stacks kept apart.
    claim = {"Endpoint": {"S": test_stack.endpoint}, "WindowEnd": {"S": "2013-01-01T00:00:00Z"}}
    table = test_stack.workflow["deployments_table"]
    production.aws.client("dynamodb").put_item(TableName=table, Item=claim)
    assert "serves what stack model-retraining made" in test_stack.deploy(6)
    assert production.deploy(6) == "deployed"
    tags = sagemaker.list_tags(ResourceArn=arn)["Tags"]
    assert {"Key": "retraining:stack", "Value": "model-retraining"} in tags


def share_data(one: LocalAws, other: LocalAws) -> None:
    """Lay the same flights into the other stack's bucket."""
    s3, bucket, target = one.client("s3"), one.outputs["Bucket"], other.outputs["Bucket"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DATA):
        for item in page["Contents"]:
            s3.copy_object(Bucket=target, Key=item["Key"], CopySource={"Bucket": bucket, "Key": item["Key"]})


def retrain(aws: LocalAws, run_id: str, endpoint: str, **params: Any) -> str:
    """Start a retrain of a stack; the execution's ARN."""
    task = StartRetrainOperator(
        task_id="start",
        model_folder=FLIGHT_DELAY,
        deployment=deploy_workflow(FLIGHT_DELAY, aws.stack),
        aws_conn_id=CONN_ID,
    )
    given = {"endpoint": endpoint, "window_days": 9, **params}
    return task.execute(FakeContext(run_id, params=given))  # type: ignore[arg-type]


def training_of(aws: LocalAws, execution: str) -> str | None:
    """ARN of the training job that an execution has started."""
    name = execution.rpartition(":")[2]
    found = aws.client("sagemaker").list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    return found[0]["TrainingJobArn"] if found else None


def events(aws: LocalAws, execution: str) -> object:
    return aws.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
