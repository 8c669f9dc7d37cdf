"""The embedded AWS that enforces policies: Airflow and the services can do their work and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from include.local_aws.control import Control
from retraining.deployment.aws.holds import HoldsHook
from retraining.deployment.hold import Hold
from retraining.hooks.state_machine import StateMachineHook
from retraining.housekeeping.aws.removal import Removal, RemovalHook
from retraining.housekeeping.retention import Leftovers
from retraining.operators.housekeeping import HousekeepingOperator
from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.embedded_aws import PROJECT, LocalAws, running_aws
from tests.integration.execution.gate_runs import Retrainer
from tests.integration.sagemaker_requests import IMAGE, stored_artifact
from tests.integration.state_machines import WAIT, create_machine, ended, start, task_state
from tests.unit.cloudformation.template import Template, granted_actions

AIRFLOW = "arn:aws:iam::123456789012:user/airflow"
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
# What roles are granted beyond what two good retrains do here: for retrains that are stopped or whose
# deployment fails, and what the embedded AWS asks no role for: logs, metrics, images, alarms, what Spark
# renames, and the events that tell Step Functions of a job's end.
NOT_USED: dict[str, set[str]] = {
    "StateMachineRole": {
        *("dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "sagemaker:DescribeEndpoint"),
        *("glue:BatchStopJobRun", "glue:GetJobRuns"),
        *("events:DescribeRule", "events:PutRule", "events:PutTargets"),
        *("sagemaker:DeleteEndpoint", "sagemaker:ListTags", "sagemaker:StopTrainingJob"),
    },
    "GlueRole": {*LOGS, "logs:CreateLogGroup"},
    "TrainingRole": {
        *LOGS,
        *("logs:CreateLogGroup", "logs:DescribeLogStreams", "cloudwatch:DescribeAlarms"),
        *("cloudwatch:PutMetricData", "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability"),
        *("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
    },
    "MetricsFunctionRole": LOGS,
    "EndpointTestFunctionRole": LOGS,
    # It finds the tag on an endpoint that the state machine has created.
    "DeploymentFunctionRole": {
        *LOGS,
        *("sagemaker:AddTags", "sagemaker:DescribeModel"),
        "states:DescribeExecution",
    },
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """An embedded AWS that enforces policies."""
    with running_aws(tmp_path_factory.mktemp("enforcing"), "--enforce-iam") as aws:
        yield aws


Calls = dict[str, tuple[str, Callable[[Any, LocalAws], object], str]]

REFUSED: Calls = {
    "reads a model": (
        "s3",
        lambda s3, aws: s3.get_object(Bucket=aws.outputs["Bucket"], Key="runs/a/output/model.tar.gz"),
        "s3:GetObject",
    ),
    "lists everything": (
        "s3",
        lambda s3, aws: s3.list_objects_v2(Bucket=aws.outputs["Bucket"]),
        "s3:ListBucket",
    ),
    "writes data": (
        "s3",
        lambda s3, aws: s3.put_object(Bucket=aws.outputs["Bucket"], Key="data/flights/x", Body=b""),
        "s3:PutObject",
    ),
    "deletes data among runs": (
        "s3",
        lambda s3, aws: s3.delete_objects(
            Bucket=aws.outputs["Bucket"], Delete={"Objects": [{"Key": "runs/a"}, {"Key": "data/a"}]}
        ),
        "s3:DeleteObject",
    ),
    "trains without a state machine": (
        "sagemaker",
        lambda sagemaker, _: sagemaker.create_endpoint(EndpointName="a", EndpointConfigName="b"),
        "sagemaker:CreateEndpoint",
    ),
    "starts somebody's state machine": (
        "stepfunctions",
        lambda states, _: states.start_execution(stateMachineArn=machine("payroll")),
        "states:StartExecution",
    ),
    "hands over another role": (
        "stepfunctions",
        lambda states, aws: states.create_state_machine(
            name="model-retraining-other", definition="{}", roleArn=aws.outputs["TrainingRoleArn"]
        ),
        "iam:PassRole",
    ),
    "claims an endpoint": (
        "dynamodb",
        lambda dynamodb, aws: dynamodb.put_item(
            TableName=aws.outputs["DeploymentsTable"], Item={"Endpoint": {"S": "a"}}
        ),
        "dynamodb:PutItem",
    ),
    "claims a held endpoint": (
        "dynamodb",
        lambda dynamodb, aws: dynamodb.update_item(
            TableName=aws.outputs["DeploymentsTable"],
            Key={"Endpoint": {"S": "a"}},
            UpdateExpression="SET HeldBy = :a, EndpointConfigName = :a",
            ExpressionAttributeValues={":a": {"S": "a"}},
        ),
        "dynamodb:UpdateItem",
    ),
    "calls a function": (
        "lambda",
        lambda functions, aws: functions.invoke(FunctionName=aws.outputs["MetricsFunctionName"]),
        "lambda:InvokeFunction",
    ),
    "gives itself rights": (
        "iam",
        lambda iam, _: iam.attach_user_policy(
            UserName="airflow", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        ),
        "iam:AttachUserPolicy",
    ),
}


def machine(name: str) -> str:
    return f"arn:aws:states:us-east-1:123456789012:stateMachine:{name}"


@pytest.mark.parametrize("what", REFUSED)
def test_airflow_can_not_do_what_is_not_its_work(aws: LocalAws, what: str) -> None:
    service, call, action = REFUSED[what]
    with pytest.raises(ClientError, match="AccessDenied") as refused:
        call(aws.client(service, aws.login), aws)
    message = refused.value.response["Error"]["Message"]
    assert message.startswith(f"User: {AIRFLOW} is not authorized to perform: {action} on resource: ")


def test_nobody_else_can_do_anything(aws: LocalAws) -> None:
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        aws.client("s3", "somebody").list_buckets()


def test_who_takes_a_role_may_do_what_the_role_may(aws: LocalAws) -> None:
    iam, name = aws.client("iam"), f"taken-{uuid4().hex[:12]}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]
    login = aws.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
    states = aws.client("stepfunctions", login["AccessKeyId"])
    with pytest.raises(ClientError, match=rf"assumed-role/{name}/.* not authorized to perform: states:List"):
        states.list_executions(stateMachineArn=machine("model-retraining-none"))
    iam.attach_role_policy(RoleName=name, PolicyArn=aws.outputs["AirflowPolicyArn"])
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        states.list_executions(stateMachineArn=machine("model-retraining-none"))
    iam.detach_role_policy(RoleName=name, PolicyArn=aws.outputs["AirflowPolicyArn"])


def test_a_model_that_no_retrain_has_made_cannot_be_deleted(aws: LocalAws) -> None:
    sagemaker, names = aws.client("sagemaker"), {}
    for kind, tags in (("theirs", []), ("ours", [{"Key": "retraining:model", "Value": "flight_delay"}])):
        names[kind] = f"{kind}-{uuid4().hex[:12]}"
        sagemaker.create_model(
            ModelName=names[kind],
            ExecutionRoleArn=aws.outputs["TrainingRoleArn"],
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": stored_artifact(aws)},
            Tags=tags,
        )
    with pytest.raises(ClientError, match=r"AccessDenied.*sagemaker:DeleteModel"):
        aws.client("sagemaker", aws.login).delete_model(ModelName=names["theirs"])
    aws.client("sagemaker", aws.login).delete_model(ModelName=names["ours"])


def test_what_is_gone_has_no_tags_that_allow_deleting_it_and_housekeeping_knows(
    monkeypatch: pytest.MonkeyPatch, aws: LocalAws
) -> None:
    gone = f"gone-{uuid4().hex[:12]}"
    with pytest.raises(ClientError, match=r"AccessDenied.*sagemaker:DeleteModel"):
        aws.client("sagemaker", aws.login).delete_model(ModelName=gone)
    connect(monkeypatch, aws)
    done = Removal()
    left = Leftovers(run=gone, created=datetime.now(UTC), configs=(gone,), model=gone)
    RemovalHook(aws_conn_id=CONN_ID).remove([left], aws.outputs["Bucket"], done)
    assert (done.errors, done.counts) == ([], {})


def test_airflow_may_say_of_an_endpoint_who_holds_it_and_no_more(
    monkeypatch: pytest.MonkeyPatch, aws: LocalAws
) -> None:
    """That it may not claim one, see the attempts above."""
    connect(monkeypatch, aws)
    holds, table = HoldsHook(aws_conn_id=CONN_ID), aws.outputs["DeploymentsTable"]
    hold = Hold("ada", "an incident", "2013-05-02T10:00:00Z")
    name = f"held-{uuid4().hex[:12]}"
    assert holds.hold(table, name, hold) == (None, None)
    assert holds.release(table, name) == (hold, None)
    assert holds.release(table, name) == (None, None)


@pytest.mark.parametrize(
    ("role", "code"), [("GlueRole", "403"), ("StateMachineRole", "403"), (None, "404")], ids=str
)
def test_a_key_that_is_not_there_is_only_told_to_who_may_list_the_bucket(
    aws: LocalAws, role: str | None, code: str
) -> None:
    """A condition on the prefix does not hold for it: reading one key has none."""
    login = f"role.{role_name(aws, role)}" if role else "local"
    with pytest.raises(ClientError) as refused:
        aws.client("s3", login).head_object(Bucket=aws.outputs["Bucket"], Key="data/none.parquet")
    assert refused.value.response["Error"]["Code"] == code


def role_name(aws: LocalAws, logical_id: str) -> str:
    parts = aws.client("cloudformation").describe_stack_resources(StackName=aws.stack)["StackResources"]
    return next(str(it["PhysicalResourceId"]) for it in parts if it["LogicalResourceId"] == logical_id)


def test_a_service_does_not_take_a_role_that_asks_for_what_it_does_not_send(aws: LocalAws) -> None:
    """No page says that Glue sends the account along when it takes a job's role."""
    iam, name = aws.client("iam"), f"role-{uuid4().hex[:8]}"
    for service, allowed in (("states", True), ("sagemaker", True), ("glue", False)):
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
        }
        iam.create_role(
            RoleName=f"{name}-{service}", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
        )
        client = aws.client("sts", f"role.{name}-{service}")
        if allowed:
            client.get_caller_identity()
            continue
        with pytest.raises(ClientError, match=r"AccessDenied.*glue\.amazonaws\.com.*sts:AssumeRole"):
            client.get_caller_identity()


@pytest.mark.parametrize(
    ("tags", "allowed"),
    [
        ([{"key": "retraining:stack", "value": "model-retraining-test"}], False),
        ([{"key": "retraining:stack", "value": "model-retraining"}], True),
        # Made before there were tags for stacks.
        ([], True),
    ],
    ids=["another stack's", "the stack's", "before there were tags"],
)
def test_the_state_machine_of_a_stack_whose_name_begins_the_same_is_out_of_reach(
    aws: LocalAws, tags: list[dict[str, str]], allowed: bool
) -> None:
    airflow, admin = aws.client("stepfunctions", aws.login), aws.client("stepfunctions")
    arn = admin.create_state_machine(
        name=f"model-retraining-test-{uuid4().hex}",
        definition=json.dumps({"StartAt": "Only", "States": {"Only": WAIT}}),
        roleArn=aws.outputs["StateMachineRoleArn"],
        tags=tags,
    )["stateMachineArn"]
    execution = start(aws, arn)
    calls: list[Callable[[], object]] = [
        lambda: airflow.describe_state_machine(stateMachineArn=arn),
        lambda: airflow.start_execution(stateMachineArn=arn),
        # Executions have the tags of their state machine.
        lambda: airflow.describe_execution(executionArn=execution),
        lambda: airflow.stop_execution(executionArn=execution),
    ]
    for call in calls:
        with nullcontext() if allowed else pytest.raises(ClientError, match="AccessDenied"):
            call()
    for found in admin.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]:
        admin.stop_execution(executionArn=found["executionArn"])


def test_a_state_machine_can_do_only_what_its_role_allows(aws: LocalAws) -> None:
    put = task_state(
        "arn:aws:states:::dynamodb:putItem",
        {"TableName": "payroll", "Item": {"Endpoint": {"S": "a"}}},
    )
    found = ended(aws, start(aws, create_machine(aws, put)))
    assert found["status"] == "FAILED"
    assert "StateMachineRole" in found["cause"]
    assert "is not authorized to perform: dynamodb:PutItem" in found["cause"]


def test_airflow_reads_why_an_etl_job_failed_and_gives_glues_words_where_it_left_none(
    monkeypatch: pytest.MonkeyPatch, aws: LocalAws
) -> None:
    target = f"s3://{aws.outputs['Bucket']}/runs/failed"
    run = {"ErrorMessage": "Command failed with exit code 1", "Arguments": {"--target": target}}
    connect(monkeypatch, aws)
    hook = StateMachineHook(aws_conn_id=CONN_ID)
    assert hook.explain(json.dumps(run)) == run["ErrorMessage"]
    left = {"Key": "runs/failed/failure.txt", "Body": b"EmptyWindow: no flights landed"}
    aws.client("s3").put_object(Bucket=aws.outputs["Bucket"], **left)
    assert hook.explain(json.dumps(run)) == "EmptyWindow: no flights landed"


def test_retrains_and_housekeeping_work_with_no_more_than_the_template_grants(
    monkeypatch: pytest.MonkeyPatch, aws: LocalAws
) -> None:
    folder: Path = PROJECT / "include" / "models" / "flight_delay"
    retrainer = Retrainer.deployed(monkeypatch, aws, folder)
    # The first one creates the endpoint, the second one updates it.
    reports = [retrainer.retrain(deploy_policy="force") for _ in range(2)]
    assert [report["outcome"] for report in reports] == ["deployed", "deployed"], reports
    used = Control(aws.endpoint_url).authorizations().used
    by_role = {
        role: set(actions)
        for role in NOT_USED
        for principal, actions in used.items()
        if f"-{role}-" in principal
    }
    unused = {role: granted_actions(Template().policies(role)) - actions for role, actions in by_role.items()}
    assert unused == NOT_USED

    connect(monkeypatch, aws)
    tidy = HousekeepingOperator(task_id="tidy", model_folder=folder, aws_conn_id=CONN_ID)
    tidy.execute(FakeContext("tidy"))  # type: ignore[arg-type]
    assert "tag:GetResources" in Control(aws.endpoint_url).authorizations().used[AIRFLOW]
