"""How the embedded AWS judges a policy, and what it takes a request to need."""

from __future__ import annotations

from typing import Any

import pytest

from include.local_aws.iam.needs import needs
from include.local_aws.iam.policy import Need, UnknownConditionError, is_allowed

RUNS = "arn:aws:s3:::lake/runs/*"
STATES = "arn:aws:states:eu-west-1:123456789012:"


def policy(**statement: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": RUNS, **statement}]}


@pytest.mark.parametrize(
    ("documents", "allowed"),
    [
        ([], False),
        ([policy()], True),
        ([policy(Action=["s3:PutObject", "s3:getobject"])], True),
        ([policy(Action="s3:Get*")], True),
        ([policy(Action="s3:GetObjec?")], True),
        ([policy(Action="s3:GetObjectAcl")], False),
        ([policy(Resource=["arn:aws:s3:::lake/data/*", RUNS])], True),
        ([policy(Resource="arn:aws:s3:::lake.runs.*")], False),
        ([policy(Resource="*")], True),
        ([policy(), policy(Effect="Deny", Resource="arn:aws:s3:::lake/*")], False),
        ([policy(Effect="Deny")], False),
    ],
)
def test_something_must_allow_and_nothing_deny(documents: list[dict[str, Any]], allowed: bool) -> None:
    assert is_allowed(documents, Need("s3:GetObject", "arn:aws:s3:::lake/runs/a/b.csv")) is allowed


@pytest.mark.parametrize(
    ("condition", "context", "allowed"),
    [
        ({"StringLike": {"s3:prefix": "runs/*"}}, {"s3:prefix": "runs/a"}, True),
        ({"StringLike": {"s3:prefix": ["data/*", "runs/*"]}}, {"s3:prefix": "runs/a"}, True),
        ({"StringLike": {"s3:prefix": "runs/*"}}, {"s3:prefix": "data/a"}, False),
        ({"StringLike": {"s3:prefix": "runs/*"}}, {}, False),
        ({"StringEquals": {"iam:PassedToService": "a"}}, {"iam:PassedToService": "a*"}, False),
        ({"StringEquals": {"a": "1"}, "StringLike": {"b": "2*"}}, {"a": "1", "b": "22"}, True),
        ({"StringEquals": {"a": "1", "b": "2"}}, {"a": "1", "b": "3"}, False),
        ({"ForAllValues:StringEquals": {"a": ["1", "2"]}}, {"a": ("2", "1")}, True),
        ({"ForAllValues:StringEquals": {"a": ["1", "2"]}}, {"a": ("1", "3")}, False),
        ({"ForAllValues:StringEquals": {"a": ["1", "2"]}}, {"a": "3"}, False),
        ({"ForAllValues:StringEquals": {"a": "1"}}, {}, True),
        ({"Bool": {"kms:GrantIsForAWSResource": "true"}}, {"kms:GrantIsForAWSResource": "True"}, True),
    ],
)
def test_every_condition_must_hold(
    condition: dict[str, Any], context: dict[str, str | tuple[str, ...]], allowed: bool
) -> None:
    documents = [policy(Condition=condition)]
    assert is_allowed(documents, Need("s3:GetObject", "arn:aws:s3:::lake/runs/a", context)) is allowed


@pytest.mark.parametrize(
    ("parameters", "attributes"),
    [
        ({"Key": {"Endpoint": {"S": "a"}}}, {"Endpoint"}),
        ({"Item": {"Endpoint": {"S": "a"}, "WindowEnd": {"S": "b"}}}, {"Endpoint", "WindowEnd"}),
        (
            {
                "Key": {"Endpoint": {"S": "a"}},
                "UpdateExpression": "SET By = :by, #n.part[0] = if_not_exists(Other, :O) ADD Version :one",
                "ConditionExpression": "attribute_exists(Gone) AND size(#n) < :limit",
                "ExpressionAttributeNames": {"#n": "Named"},
            },
            {"Endpoint", "By", "Named", "Other", "Version", "Gone"},
        ),
    ],
)
def test_every_attribute_that_a_request_names_is_known(
    parameters: dict[str, Any], attributes: set[str]
) -> None:
    (need,) = needs("dynamodb", "UpdateItem", {"TableName": "t", **parameters}, region="r", account="1")
    assert set(need.context["dynamodb:Attributes"]) == attributes


def test_a_condition_that_cannot_be_judged_is_no_silent_yes_or_no() -> None:
    documents = [policy(Condition={"NumericLessThan": {"s3:max-keys": "10"}})]
    with pytest.raises(UnknownConditionError, match="NumericLessThan"):
        is_allowed(documents, Need("s3:GetObject", "arn:aws:s3:::lake/runs/a"))


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        (
            "stepfunctions",
            "CreateStateMachine",
            {"name": "a", "roleArn": "arn:aws:iam::1:role/a", "publish": True, "tags": [{"key": "k"}]},
            {
                ("states:CreateStateMachine", f"{STATES}stateMachine:a"),
                ("states:PublishStateMachineVersion", f"{STATES}stateMachine:a"),
                ("states:TagResource", f"{STATES}stateMachine:a"),
                ("iam:PassRole", "arn:aws:iam::1:role/a"),
            },
        ),
        (
            "sagemaker",
            "UpdateEndpoint",
            {"EndpointName": "a", "EndpointConfigName": "b"},
            {
                ("sagemaker:UpdateEndpoint", "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/a"),
                ("sagemaker:UpdateEndpoint", "arn:aws:sagemaker:eu-west-1:123456789012:endpoint-config/b"),
            },
        ),
        (
            "s3",
            "DeleteObjects",
            {"Bucket": "lake", "Delete": {"Objects": [{"Key": "a"}, {"Key": "b/c"}]}},
            {("s3:DeleteObject", "arn:aws:s3:::lake/a"), ("s3:DeleteObject", "arn:aws:s3:::lake/b/c")},
        ),
        ("s3", "HeadObject", {"Bucket": "lake", "Key": "a"}, {("s3:GetObject", "arn:aws:s3:::lake/a")}),
        ("s3", "ListObjectsV2", {"Bucket": "lake"}, {("s3:ListBucket", "arn:aws:s3:::lake")}),
        (
            "s3",
            "CopyObject",
            {"Bucket": "lake", "Key": "b", "CopySource": "/other/a%20c?versionId=1"},
            {("s3:GetObject", "arn:aws:s3:::other/a c"), ("s3:PutObject", "arn:aws:s3:::lake/b")},
        ),
        ("s3", "ListBuckets", {}, {("s3:ListAllMyBuckets", "*")}),
        (
            "sqs",
            "SendMessageBatch",
            {"QueueUrl": "http://127.0.0.1:1/123456789012/a"},
            {("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:a")},
        ),
        ("sns", "PublishBatch", {"TopicArn": "arn:aws:sns:a"}, {("sns:Publish", "arn:aws:sns:a")}),
        (
            "lambda",
            "Invoke",
            {"FunctionName": "a"},
            {("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:123456789012:function:a")},
        ),
        ("iam", "GetRole", {"RoleName": "a"}, {("iam:GetRole", "arn:aws:iam::123456789012:role/a")}),
        ("resourcegroupstaggingapi", "GetResources", {}, {("tag:GetResources", "*")}),
        ("sts", "GetCallerIdentity", {}, set()),
    ],
)
def test_a_request_needs_its_action_on_what_it_names_and_what_comes_with_it(
    service: str, operation: str, parameters: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    found = list(needs(service, operation, parameters, region="eu-west-1", account="123456789012"))
    assert {(need.action, need.resource) for need in found} == expected


def test_conditions_are_told_the_prefix_and_the_service_that_gets_a_role() -> None:
    where = {"region": "eu-west-1", "account": "123456789012"}
    (listing,) = needs("s3", "ListObjectsV2", {"Bucket": "lake", "Prefix": "runs/"}, **where)
    assert listing.context == {"s3:prefix": "runs/"}
    request = {"ModelName": "a", "ExecutionRoleArn": "arn:aws:iam::1:role/a"}
    *_, handing_over = needs("sagemaker", "CreateModel", request, **where)
    assert handing_over.context == {"iam:PassedToService": "sagemaker.amazonaws.com"}
