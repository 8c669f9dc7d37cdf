"""What outlives the stack has its name written out, which is what CloudFormation takes it over by."""

from __future__ import annotations

from scripts.aws_stack import structure
from scripts.deploy_aws import TEMPLATE
from scripts.literal_names import with_literal_names

NAMES = {"AWS::StackName": "a-stack", "AWS::AccountId": "123456789012", "AWS::Region": "eu-central-1"}


def test_what_outlives_the_stack_is_named() -> None:
    resources = structure(with_literal_names(TEMPLATE.read_text(), NAMES))["Resources"]
    assert resources["DataBucket"]["Properties"]["BucketName"] == "a-stack-123456789012-eu-central-1"
    assert resources["DeploymentsTable"]["Properties"]["TableName"] == "a-stack-deployments"


def test_nothing_else_changes() -> None:
    before = TEMPLATE.read_text().splitlines()
    after = with_literal_names(TEMPLATE.read_text(), NAMES).splitlines()
    changed = [new.split()[0] for old, new in zip(before, after, strict=True) if old != new]
    assert changed == ["BucketName:", "TableName:"]


def test_what_cannot_be_written_out_is_left() -> None:
    template = """
Resources:
  Kept:
    DeletionPolicy: Retain
    Properties: {A: !Sub "${Bucket}-x", B: !Ref AWS::Region, C: "${AWS::Region}"}
  Gone: {Type: T, Properties: {A: !Sub "${AWS::Region}"}}
"""
    assert with_literal_names(template, NAMES) == template
