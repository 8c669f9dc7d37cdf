"""The stack is created, updated and deleted by command, after showing what will happen and asking."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError

from include.aws_code import code_objects
from retraining.hooks.stack import StackHook
from scripts import aws_account, aws_stack, change_sets, code_bucket, deploy_aws, destroy_aws
from scripts.aws_account import Account
from scripts.aws_stack import DeploymentError
from scripts.deploy_aws import deploy
from scripts.destroy_aws import destroy
from tests.integration.airflow_side import CONN_ID, connect
from tests.integration.embedded_aws import STACK_NAME, LocalAws

# What CreateChangeSet takes of a template that is not in S3.
TEMPLATE_BYTES = 51_200


@pytest.fixture
def account(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The embedded AWS, reached as a person's account is: by the SDK's usual variables."""
    for name, value in {
        "AWS_ENDPOINT_URL": local_aws.endpoint_url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }.items():
        monkeypatch.setenv(name, value)
    return aws_account.connect()


@pytest.fixture
def name(account: Account) -> Iterator[str]:
    """A stack's name of its own; a stack that is left is deleted."""
    name = f"stack-{uuid4().hex[:8]}"
    yield name
    if stack_of(account, name):
        destroy(account, name, yes=True)


def stack_of(account: Account, name: str) -> dict[str, Any] | None:
    try:
        found: Any = account.session.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError:
        return None
    return dict(found)


def outputs_of(account: Account, name: str) -> dict[str, str]:
    stack = stack_of(account, name)
    assert stack is not None
    return {it["OutputKey"]: it["OutputValue"] for it in stack["Outputs"]}


def buckets(account: Account) -> set[str]:
    return {bucket["Name"] for bucket in account.session.client("s3").list_buckets()["Buckets"]}


def bucket_of(name: str) -> str:
    return f"{name}-code-123456789012-us-east-1"


def test_no_region_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(DeploymentError, match="no region: set AWS_DEFAULT_REGION"):
        aws_account.connect()


def test_a_parameter_that_the_template_has_not_is_refused(account: Account, name: str) -> None:
    with pytest.raises(DeploymentError, match=r"GlueEngin: unknown; the template has .*GlueEngine"):
        deploy(account, name, {"GlueEngin": "spark"}, yes=True)
    assert stack_of(account, name) is None
    assert bucket_of(name) not in buckets(account)


@pytest.mark.parametrize(("answer", "goes_on"), [("no", False), ("y", False), ("", False), ("yes", True)])
def test_only_yes_is_a_yes(
    account: Account, name: str, answer: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    assert deploy(account, name, {}, yes=False) is goes_on
    assert (stack_of(account, name) is not None) is goes_on
    assert (bucket_of(name) in buckets(account)) is goes_on


def test_where_nobody_can_be_asked_the_answer_is_no(
    account: Account, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    assert not deploy(account, name, {}, yes=False)
    assert "YES=1 says yes beforehand" in capsys.readouterr().out


def test_a_new_stack_is_what_airflow_reads(
    account: Account,
    name: str,
    local_aws: LocalAws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert deploy(account, name, {}, yes=True)
    said = capsys.readouterr().out
    assert f"create the code bucket {bucket_of(name)}" in said
    assert "AWS::S3::Bucket" in said
    # Only with a VPC.
    assert "AWS::Glue::Connection" not in said
    connect(monkeypatch, local_aws)
    stack = StackHook(aws_conn_id=CONN_ID).read(name)
    assert stack.bucket == f"{name}-123456789012-us-east-1"
    assert "Next: attach arn:aws:iam::123456789012:policy/" in said
    objects = account.session.client("s3").list_objects_v2(Bucket=bucket_of(name))["Contents"]
    assert {item["Key"] for item in objects} == {item.key for item in code_objects().values()}


def test_the_functions_of_a_new_stack_run(account: Account, name: str) -> None:
    assert deploy(account, name, {}, yes=True)
    outputs = outputs_of(account, name)
    functions = account.session.client("lambda")
    for function in (outputs["MetricsFunctionName"], outputs["EndpointTestFunctionName"]):
        answer = functions.invoke(FunctionName=function, Payload="{}")
        payload = json.loads(answer["Payload"].read())
        # The handler's own words: it was loaded, and misses its event's fields.
        assert payload["errorType"] == "KeyError", payload


@pytest.mark.parametrize(("partition", "region"), [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")])
def test_in_another_partition_airflow_is_told_of_it(
    local_aws: LocalAws, account: Account, monkeypatch: pytest.MonkeyPatch, partition: str, region: str
) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    there, name = aws_account.connect(), f"stack-{uuid4().hex[:8]}"
    assert deploy(there, name, {}, yes=True)
    extra = {"endpoint_url": local_aws.endpoint_url, "region_name": region}
    connection = {"conn_type": "aws", "login": "local", "password": "local", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_THERE", json.dumps(connection))
    stack = StackHook(aws_conn_id="there").read(name)
    assert (stack.partition, stack.region) == (partition, region)
    assert stack.bucket.endswith(f"-{region}")
    for arn in (stack.state_machine_role, stack.training_role, stack.state_machine_arn("a_model")):
        assert arn.startswith(f"arn:{partition}:")
    assert destroy(there, name, yes=True)


def test_what_is_as_it_shall_be_is_left(
    account: Account, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(account, name, {"GlueEngine": "spark"}, yes=True)
    capsys.readouterr()
    assert deploy(account, name, {}, yes=True), "parameters keep their values"
    assert "the stack is up to date" in capsys.readouterr().out


def test_the_stack_that_the_embedded_aws_makes_is_the_same(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(account, STACK_NAME, {}, yes=True)
    assert "the stack is up to date" in capsys.readouterr().out


def test_an_update_shows_what_changes(
    account: Account, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(account, name, {}, yes=True)
    capsys.readouterr()
    assert deploy(account, name, {"GlueEngine": "spark"}, yes=True)
    said = capsys.readouterr().out
    assert "this will update the stack" in said
    assert "modify  AWS::Glue::Job" in said
    outputs = outputs_of(account, name)
    job = account.session.client("glue").get_job(JobName=outputs["GlueJobName"])["Job"]
    assert job["Command"]["Name"] == "glueetl"


def test_destroying_keeps_the_data_and_a_new_stack_takes_it_over(
    account: Account, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy(account, name, {}, yes=True)
    outputs = outputs_of(account, name)
    iam, states = account.session.client("iam"), account.session.client("stepfunctions")
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=outputs["AirflowPolicyArn"])
    machine = states.create_state_machine(
        name=f"{name}-a_model",
        definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
        roleArn=outputs["StateMachineRoleArn"],
    )["stateMachineArn"]
    table = account.session.client("dynamodb")
    claim = {"Endpoint": {"S": "an-endpoint"}, "WindowEnd": {"S": "2013-01-01T00:00:00+00:00"}}
    table.put_item(TableName=outputs["DeploymentsTable"], Item=claim)
    s3 = account.session.client("s3")
    s3.put_object(Bucket=outputs["Bucket"], Key="data/flights/x", Body=b"x")
    capsys.readouterr()

    assert destroy(account, name, yes=True)
    said = capsys.readouterr().out
    assert f"user {name} loses {outputs['AirflowPolicyArn']}" in said
    assert machine in said
    assert "aws sagemaker delete-endpoint --endpoint-name an-endpoint" in said
    fates = {line.split()[1]: line.split()[0] for line in said.splitlines() if " AWS::" in line}
    assert fates["AWS::S3::Bucket"] == fates["AWS::DynamoDB::Table"] == "stays"
    assert fates["AWS::Glue::Job"] == "deleted"
    assert stack_of(account, name) is None
    assert not iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    assert machine not in str(states.list_state_machines())

    assert deploy(account, name, {}, yes=True)
    assert s3.get_object(Bucket=outputs["Bucket"], Key="data/flights/x")["Body"].read() == b"x"
    assert table.scan(TableName=outputs["DeploymentsTable"])["Items"] == [claim]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Prod", "lower-case letters"),
        ("a" * 36, "it has 36 characters; at most 35 are allowed in us-east-1"),
        ("xn--stack", "are S3's own"),
        ("prod-code", "its data bucket would be the code bucket of a stack named prod"),
    ],
)
def test_a_name_that_makes_no_bucket_is_refused(account: Account, name: str, reason: str) -> None:
    before = buckets(account)
    with pytest.raises(DeploymentError, match=f"stack name '{name}': .*{reason}"):
        deploy(account, name, {}, yes=True)
    assert stack_of(account, name) is None
    assert buckets(account) == before


def test_what_stands_in_the_way_is_named(account: Account, name: str) -> None:
    group = f"/aws/lambda/{name}-training-metrics"
    account.session.client("logs").create_log_group(logGroupName=group)
    with pytest.raises(DeploymentError, match=f"MetricsLogs: .*'{group}' already exists"):
        deploy(account, name, {}, yes=True)
    assert stack_of(account, name) is None


class TomorrowsClock(datetime):
    """This machine's clock, a day fast."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> TomorrowsClock:
        return super().now(tz) + timedelta(days=1)


def test_what_failed_is_named_whatever_the_clock_says(
    account: Account, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (aws_stack, change_sets):
        monkeypatch.setattr(module, "datetime", TomorrowsClock, raising=False)
    with pytest.raises(DeploymentError, match=r"is ROLLBACK_COMPLETE\n *MetricsFunction: .*NoSuchKey"):
        deploy(account, name, {"MetricsFunctionKey": "nothing.zip"}, yes=True)
    with pytest.raises(DeploymentError, match="ROLLBACK_COMPLETE: its first creation failed: `make destroy"):
        deploy(account, name, {}, yes=True)
    assert destroy(account, name, yes=True)
    assert deploy(account, name, {}, yes=True)
    with pytest.raises(DeploymentError, match=r"is UPDATE_ROLLBACK_COMPLETE\n *MetricsFunction: ") as failed:
        deploy(account, name, {"MetricsFunctionKey": "nothing.zip"}, yes=True)
    assert str(failed.value).count("MetricsFunction") == 1, "an event of before was told too"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("UPDATE_IN_PROGRESS", "somebody is changing it; wait for its end"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
        ("DELETE_FAILED", "`make destroy-aws` tries again"),
    ],
)
def test_a_stack_that_takes_no_change_is_refused_with_what_to_do(
    account: Account, name: str, status: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: Any = {"StackName": name, "StackStatus": status}
    monkeypatch.setattr(change_sets, "describe", lambda *_: found)
    with pytest.raises(DeploymentError, match=f"stack {name} is {status}: .*{reason}"):
        deploy(account, name, {}, yes=True)


@pytest.mark.parametrize("moment", ["asked", "uploading"])
def test_an_interruption_leaves_nothing(
    account: Account,
    name: str,
    moment: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    if moment == "asked":
        monkeypatch.setattr(deploy_aws, "confirmed", interrupted)
    else:
        monkeypatch.setattr(code_bucket, "upload", interrupted)
    monkeypatch.setattr(sys, "argv", ["deploy", "--stack-name", name, "--yes"])
    assert deploy_aws.main() == 130
    assert capsys.readouterr().err.startswith("interrupted")
    assert stack_of(account, name) is None
    sets = account.session.client("cloudformation").list_change_sets(StackName=name)["Summaries"]
    assert name not in {item["StackName"] for item in sets}


def test_a_stack_that_was_only_planned_can_be_destroyed(account: Account, name: str) -> None:
    cloudformation = account.session.client("cloudformation")
    template = "Resources: {Topic: {Type: AWS::SNS::Topic}}"
    given: Any = {"StackName": name, "ChangeSetType": "CREATE", "TemplateBody": template}
    cloudformation.create_change_set(ChangeSetName="planned", **given)
    assert (stack_of(account, name) or {})["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert destroy(account, name, yes=True)
    assert stack_of(account, name) is None


def test_a_code_bucket_of_somebody_else_gets_no_code(account: Account, name: str) -> None:
    """Its name can be guessed, and its owner may let everybody write."""
    role = "arn:aws:iam::999999999999:role/somebody"
    somebody = account.session.client("sts").assume_role(RoleArn=role, RoleSessionName="somebody")
    keys = {key: somebody["Credentials"][key] for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")}
    theirs = boto3.client(
        "s3",
        region_name=account.region,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    bucket = bucket_of(name)
    theirs.create_bucket(Bucket=bucket)
    refusal = f"code bucket {bucket}: it belongs to another account than 123456789012"
    with pytest.raises(DeploymentError, match=refusal):
        deploy(account, name, {}, yes=True)
    assert not theirs.list_objects_v2(Bucket=bucket)["KeyCount"]
    assert stack_of(account, name) is None


def machines_of(account: Account) -> set[str]:
    pages = account.session.client("stepfunctions").get_paginator("list_state_machines").paginate()
    return {machine["stateMachineArn"] for page in pages for machine in page["stateMachines"]}


def test_destroying_leaves_a_stack_whose_name_begins_the_same(account: Account, name: str) -> None:
    states, machines = account.session.client("stepfunctions"), {}
    longer = f"{name}-test"
    for stack in (name, longer):
        assert deploy(account, stack, {}, yes=True)
        machines[stack] = states.create_state_machine(
            name=f"{stack}-a_model",
            definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
            roleArn=outputs_of(account, stack)["StateMachineRoleArn"],
        )["stateMachineArn"]
    assert destroy(account, name, yes=True)
    left = machines_of(account)
    assert machines[longer] in left, "another stack's state machine was deleted"
    assert machines[name] not in left
    assert destroy(account, longer, yes=True)
    assert machines[longer] not in machines_of(account)


def test_destroying_nothing_is_an_error(account: Account, name: str) -> None:
    with pytest.raises(DeploymentError, match=f"there is no stack {name} in us-east-1"):
        destroy(account, name, yes=True)


@pytest.mark.parametrize("command", [deploy_aws.main, destroy_aws.main])
def test_an_aws_that_does_not_answer_is_one_line(
    command: Any, account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(sys, "argv", ["command"])
    assert command() == 1
    assert capsys.readouterr().err.startswith("error: AWS: Could not connect")


def test_the_template_fits_into_a_request() -> None:
    assert len(deploy_aws.TEMPLATE.read_bytes()) <= TEMPLATE_BYTES
