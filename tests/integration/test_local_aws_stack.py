"""The project's stack in the embedded AWS: updated by change sets, as the aws CLI does, and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import PROJECT, STACK_NAME, LocalAws, running_aws, until

TEMPLATE = (PROJECT / "include" / "cloudformation" / "template.yaml").read_text()


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One whose stack may be changed."""
    with running_aws(tmp_path_factory.mktemp("stack")) as aws:
        yield aws


def change_set(aws: LocalAws, kind: str, stack: str, parameters: dict[str, str]) -> dict[str, Any]:
    """A change set, described."""
    cloudformation = aws.client("cloudformation")
    arn = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=f"change-{uuid4().hex[:8]}",
        ChangeSetType=kind,
        TemplateBody=TEMPLATE,
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
    aws.client("cloudformation").delete_stack(StackName=STACK_NAME)
    with pytest.raises(ClientError, match=STACK_NAME):
        aws.client("cloudformation").describe_stacks(StackName=STACK_NAME)
    assert aws.client("dynamodb").describe_table(TableName=outputs["DeploymentsTable"])
    assert aws.client("s3").list_objects_v2(Bucket=outputs["Bucket"], Prefix="data/")["KeyCount"]
    with pytest.raises(ClientError, match="ResourceNotFound"):
        aws.client("lambda").get_function(FunctionName=outputs["MetricsFunctionName"])

    # What has outlived it becomes the next one's.
    described = change_set(aws, "CREATE", STACK_NAME, parameters)
    assert execute(aws, described, STACK_NAME)["StackStatus"] == "CREATE_COMPLETE"
    assert aws.outputs["Bucket"] == outputs["Bucket"]
    assert aws.client("s3").list_objects_v2(Bucket=outputs["Bucket"], Prefix="data/")["KeyCount"]
