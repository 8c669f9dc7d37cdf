"""The project's stack in the embedded AWS: updated by change sets, as the aws CLI does, and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from scripts.literal_names import with_literal_names
from tests.integration.embedded_aws import PROJECT, STACK_NAME, LocalAws, running_aws, until

TEMPLATE = (PROJECT / "include" / "cloudformation" / "template.yaml").read_text()
BUCKET = "Resources: {{Bucket: {{Type: AWS::S3::Bucket, {policy} Properties: {{BucketName: {name}}}}}}}"
KEPT = "DeletionPolicy: Retain,"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One whose stack may be changed."""
    with running_aws(tmp_path_factory.mktemp("stack")) as aws:
        yield aws


def change_set(
    aws: LocalAws, kind: str, stack: str, parameters: dict[str, str], template: str = TEMPLATE
) -> dict[str, Any]:
    """A change set, described."""
    cloudformation = aws.client("cloudformation")
    arn = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=f"change-{uuid4().hex[:8]}",
        ChangeSetType=kind,
        TemplateBody=template,
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        ImportExistingResources=True,
    )["Id"]
    described: dict[str, Any] = cloudformation.describe_change_set(ChangeSetName=arn)
    return described


def changes(described: dict[str, Any]) -> dict[str, str]:
    found = [change["ResourceChange"] for change in described["Changes"]]
    return {change["LogicalResourceId"]: change["Action"] for change in found}


def execute(aws: LocalAws, described: dict[str, Any], stack: str) -> dict[str, Any]:
    cloudformation = aws.client("cloudformation")
    cloudformation.execute_change_set(ChangeSetName=described["ChangeSetId"])

    def settled() -> dict[str, Any] | None:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return None if found["StackStatus"].endswith("IN_PROGRESS") else found

    return until(settled)


def events_of(aws: LocalAws, stack: str) -> list[dict[str, Any]]:
    """All its events, the newest first, page by page."""
    pages = aws.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
    return [event for page in pages for event in page["StackEvents"]]


def parameters_of(aws: LocalAws) -> dict[str, str]:
    (stack,) = aws.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    return {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}


def granted(aws: LocalAws, sid: str) -> list[dict[str, Any]]:
    """Statements of a name in the state machine's role and in Airflow's policy."""
    iam, outputs = aws.client("iam"), aws.outputs
    role = outputs["StateMachineRoleArn"].rpartition("/")[2]
    documents = [iam.get_role_policy(RoleName=role, PolicyName="retraining")["PolicyDocument"]]
    arn = outputs["AirflowPolicyArn"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    documents.append(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    return [item for document in documents for item in document["Statement"] if item["Sid"] == sid]


def lifecycle(aws: LocalAws) -> dict[str, Any]:
    found = aws.client("s3").get_bucket_lifecycle_configuration(Bucket=aws.outputs["Bucket"])
    return {rule["ID"]: rule for rule in found["Rules"]}


def test_a_bucket_has_the_lifecycle_rules_of_the_template(aws: LocalAws) -> None:
    rules = lifecycle(aws)
    assert rules.keys() == {"unfinished-uploads", "runs-to-cheaper-storage"}
    assert rules["unfinished-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    cheaper = rules["runs-to-cheaper-storage"]
    assert cheaper["Filter"] == {"Prefix": "runs/"}
    assert cheaper["Transitions"] == [{"Days": 30, "StorageClass": "INTELLIGENT_TIERING"}]
    execute(
        aws,
        change_set(aws, "UPDATE", STACK_NAME, {**parameters_of(aws), "RunsExpirationDays": "365"}),
        STACK_NAME,
    )
    assert lifecycle(aws)["old-runs"]["Expiration"] == {"Days": 365}


def test_an_update_changes_what_depends_on_a_parameter_and_nothing_else(aws: LocalAws) -> None:
    before, key = parameters_of(aws), "arn:aws:kms:us-east-1:123456789012:key/a-key"
    assert (before["SubnetIds"], before["LogRetentionDays"]) == ("", "90")
    assert granted(aws, "UseKey") == []
    described = change_set(aws, "UPDATE", STACK_NAME, {**before, "KmsKeyArn": key})
    found = changes(described)
    assert set(found.values()) == {"Modify"}
    assert {"DataBucket", "DeploymentsTable", "GlueRole", "StateMachineRole", "AirflowPolicy"} <= found.keys()
    assert not {"MetricsFunction", "FailureTopic", "GlueJob"} & found.keys()
    updated = execute(aws, described, STACK_NAME)
    assert updated["StackStatus"] == "UPDATE_COMPLETE"
    assert aws.outputs["KmsKeyArn"] == key
    assert [statement["Resource"] for statement in granted(aws, "UseKey")] == [key, key]

    nothing = change_set(aws, "UPDATE", STACK_NAME, parameters_of(aws))
    assert (nothing["Status"], nothing["Changes"]) == ("FAILED", [])
    assert "didn't contain changes" in nothing["StatusReason"]
    execute(aws, change_set(aws, "UPDATE", STACK_NAME, before), STACK_NAME)
    assert "KmsKeyArn" not in aws.outputs
    assert granted(aws, "UseKey") == []


def test_an_alarm_is_updated_under_its_name(aws: LocalAws) -> None:
    (before,) = alarms(aws)
    for threshold in ("5", "3"):
        given = {**parameters_of(aws), "FailuresToAlarm": threshold}
        updated = execute(aws, change_set(aws, "UPDATE", STACK_NAME, given), STACK_NAME)
        assert updated["StackStatus"] == "UPDATE_COMPLETE"
        (after,) = alarms(aws)
        assert (after["AlarmName"], after["Threshold"]) == (before["AlarmName"], float(threshold))


def alarms(aws: LocalAws) -> list[dict[str, Any]]:
    """Those of failed retrains."""
    found: list[dict[str, Any]] = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return [alarm for alarm in found if alarm["AlarmName"].startswith(f"{STACK_NAME}-RetrainsFail")]


def test_a_stack_is_made_by_a_change_set_without_what_its_conditions_leave_out(aws: LocalAws) -> None:
    described = change_set(aws, "CREATE", "another", parameters_of(aws))
    found = changes(described)
    assert set(found.values()) == {"Add"}
    assert "StateMachineRole" in found
    assert not {"GlueConnection", "FailureEmail"} & found.keys()
    created = execute(aws, described, "another")
    assert created["StackStatus"] == "CREATE_COMPLETE"
    outputs = {item["OutputKey"]: item["OutputValue"] for item in created["Outputs"]}
    assert outputs.keys() == aws.outputs.keys()
    assert outputs["DeploymentsTable"] == "another-deployments"
    listed = aws.client("cloudformation").list_stack_resources(StackName="another")
    types = {item["LogicalResourceId"]: item["ResourceType"] for item in listed["StackResourceSummaries"]}
    assert types["DeploymentsTable"] == "AWS::DynamoDB::Table"
    assert all(types.values())


def test_what_endpoints_and_people_rely_on_outlives_the_stack(aws: LocalAws) -> None:
    outputs, parameters = aws.outputs, parameters_of(aws)
    with pytest.raises(ClientError, match="Cannot delete a policy attached to entities"):
        aws.client("cloudformation").delete_stack(StackName=STACK_NAME)
    aws.client("iam").detach_user_policy(UserName="airflow", PolicyArn=outputs["AirflowPolicyArn"])
    aws.client("cloudformation").delete_stack(StackName=STACK_NAME)
    with pytest.raises(ClientError, match=STACK_NAME):
        aws.client("cloudformation").describe_stacks(StackName=STACK_NAME)
    assert aws.client("dynamodb").describe_table(TableName=outputs["DeploymentsTable"])
    assert aws.client("s3").list_objects_v2(Bucket=outputs["Bucket"], Prefix="data/")["KeyCount"]
    with pytest.raises(ClientError, match="ResourceNotFound"):
        aws.client("lambda").get_function(FunctionName=outputs["MetricsFunctionName"])

    # What has outlived it becomes the next one's, where its name is written out.
    described = change_set(aws, "CREATE", STACK_NAME, parameters)
    assert described["Status"] == "FAILED"
    names = {"AWS::StackName": STACK_NAME, "AWS::AccountId": "123456789012", "AWS::Region": "us-east-1"}
    described = change_set(aws, "CREATE", STACK_NAME, parameters, with_literal_names(TEMPLATE, names))
    imported = {name for name, action in changes(described).items() if action == "Import"}
    assert imported == {"DataBucket", "DeploymentsTable"}
    assert execute(aws, described, STACK_NAME)["StackStatus"] == "CREATE_COMPLETE"
    assert aws.outputs["Bucket"] == outputs["Bucket"]
    assert aws.client("s3").list_objects_v2(Bucket=outputs["Bucket"], Prefix="data/")["KeyCount"]


@pytest.mark.parametrize(
    ("policy", "name"),
    [(KEPT, "!Sub '${AWS::StackName}'"), ("", "stack"), (KEPT, "owned")],
    ids=["name put together", "not kept", "another stack's"],
)
def test_what_exists_is_not_always_taken_over(aws: LocalAws, policy: str, name: str) -> None:
    stack, cloudformation = f"stack-{uuid4().hex[:8]}", aws.client("cloudformation")
    bucket = f"owned-{stack}" if name == "owned" else stack
    if name == "owned":
        template = BUCKET.format(policy=KEPT, name=bucket)
        execute(aws, change_set(aws, "CREATE", f"{stack}-owner", {}, template), f"{stack}-owner")
    else:
        aws.client("s3").create_bucket(Bucket=bucket)
    written = name if name.startswith("!Sub") else bucket
    described = change_set(aws, "CREATE", stack, {}, BUCKET.format(policy=policy, name=written))
    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "AWS::EarlyValidation::ResourceExistenceCheck" in described["StatusReason"]
    events = cloudformation.describe_events(
        ChangeSetName=described["ChangeSetId"], Filters={"FailedEvents": True}
    )["OperationEvents"]
    said = [(it["LogicalResourceId"], it["ValidationName"], it["ValidationStatusReason"]) for it in events]
    reason = f"Resource of type 'AWS::S3::Bucket' with identifier '{bucket}' already exists."
    assert said == [("Bucket", "NAME_CONFLICT_VALIDATION", reason)]
    with pytest.raises(ClientError, match="cannot be executed in its current status"):
        cloudformation.execute_change_set(ChangeSetName=described["ChangeSetId"])


def test_a_stack_that_could_not_be_made_goes_back(aws: LocalAws) -> None:
    stack = f"stack-{uuid4().hex[:8]}"
    described = change_set(aws, "CREATE", stack, {**parameters_of(aws), "MetricsFunctionKey": "nothing.zip"})
    assert execute(aws, described, stack)["StackStatus"] == "ROLLBACK_COMPLETE"
    events = events_of(aws, stack)
    failed = [event for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert [event["LogicalResourceId"] for event in failed] == ["MetricsFunction"]
    assert "NoSuchKey" in failed[0]["ResourceStatusReason"]
    with pytest.raises(ClientError, match="Not Found"):
        aws.client("s3").head_bucket(Bucket=f"{stack}-123456789012-us-east-1")
    for kind, refusal in (
        ("UPDATE", "is in ROLLBACK_COMPLETE state and can not be updated"),
        ("CREATE", "already exists and cannot be created again"),
    ):
        with pytest.raises(ClientError, match=refusal):
            change_set(aws, kind, stack, parameters_of(aws))


def test_an_update_that_failed_leaves_the_stack_as_it_was(aws: LocalAws) -> None:
    before = parameters_of(aws)
    wrong = {**before, "MetricsFunctionKey": "nothing.zip", "LogRetentionDays": "7"}
    updated = execute(aws, change_set(aws, "UPDATE", STACK_NAME, wrong), STACK_NAME)
    assert updated["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    events = events_of(aws, STACK_NAME)
    failed = [it["LogicalResourceId"] for it in events if it["ResourceStatus"] == "UPDATE_FAILED"]
    assert failed == ["MetricsFunction"]
    assert parameters_of(aws) == before
    assert change_set(aws, "UPDATE", STACK_NAME, before)["Changes"] == []
