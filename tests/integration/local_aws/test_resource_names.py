"""A name that CloudFormation makes up is the same in every embedded AWS, and new for what is made again."""

from __future__ import annotations

import json

from tests.integration.embedded_aws import LocalAws

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
TEMPLATE = {
    "Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}},
    "Outputs": {"Role": {"Value": {"Ref": "Role"}}},
}


def role_of_a_new_stack(aws: LocalAws, name: str) -> str:
    """Make a stack, look what its role is called, and delete it."""
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"]
    )
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    cloudformation.delete_stack(StackName=name)
    return str(stack["Outputs"][0]["OutputValue"])


def test_names_that_are_made_up_are_no_lots(local_aws: LocalAws) -> None:
    # Another process has found these.
    assert role_of_a_new_stack(local_aws, "steady-names") == "steady-names-Role-26EMR5DRP4D7"
    assert role_of_a_new_stack(local_aws, "steady-names") == "steady-names-Role-HUJ5Q6YRZI5Q"
    assert role_of_a_new_stack(local_aws, "other-names").startswith("other-names-Role-")
