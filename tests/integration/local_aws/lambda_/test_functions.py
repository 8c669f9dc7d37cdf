"""Functions that AWS would not make, and what the embedded Lambda does not do: refused, each by name."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws
from tests.integration.local_aws.lambda_.lambda_functions import (
    ECHO,
    TRUST,
    deployed,
    function_role,
    invoked,
    zipped,
)

GONE = (
    "The runtime parameter of {} is no longer supported for creating or updating AWS Lambda functions. "
    "We recommend you use a supported runtime while creating or updating functions."
)


def _refused(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refusal:
        call(**parameters)
    error = refusal.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize("runtime", ["python3.7", "python2.7", "nodejs14.x", "go1.x"])
def test_a_runtime_that_is_gone_is_refused_in_awss_words(local_aws: LocalAws, runtime: str) -> None:
    refused = _refused(deployed, aws=local_aws, code=ECHO, Runtime=runtime)
    assert refused == ("InvalidParameterValueException", GONE.format(runtime))
    name, client = deployed(local_aws, ECHO), local_aws.client("lambda")
    change = _refused(client.update_function_configuration, FunctionName=name, Runtime=runtime)
    assert change == ("InvalidParameterValueException", GONE.format(runtime))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Runtime": "python9.9"}, "Value python9.9 at 'runtime' failed to satisfy constraint: Member must"),
        ({"FunctionName": "f" * 65}, "'functionName' failed to satisfy constraint: Member must have length"),
        ({"Runtime": "nodejs24.x"}, "it does not support the runtime nodejs24.x"),
        ({"Runtime": "java25"}, "it does not support the runtime java25"),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"]}}, "does not support VpcConfig"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "does not support SnapStart"),
        ({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}, "does not support TenancyConfig"),
        ({"PackageType": "Image", "Code": {"ImageUri": "image"}}, "does not support PackageType: Image"),
        ({"Environment": {"Variables": {"AWS_REGION": "here"}}}, "Reserved keys used in this request: AWS_R"),
        ({"Environment": {"Variables": {"LARGE": "x" * 4100}}}, "exceeded the 4KB limit"),
        ({"Code": {"ZipFile": b"no zip"}}, "Could not unzip uploaded file"),
    ],
)
def test_what_no_function_can_have_here_is_refused_by_name(
    local_aws: LocalAws, settings: dict[str, Any], message: str
) -> None:
    code, said = _refused(deployed, aws=local_aws, code=ECHO, **settings)
    assert code == "InvalidParameterValueException"
    assert message in said


@pytest.mark.parametrize("service", [None, "glue.amazonaws.com"])
def test_a_role_that_lambda_cannot_take_is_refused(local_aws: LocalAws, service: str | None) -> None:
    words = "The role defined for the function cannot be assumed by Lambda."
    role = f"arn:aws:iam::123456789012:role/role-{uuid4().hex}"
    if service:
        trust = json.dumps(TRUST).replace("lambda.amazonaws.com", service)
        local_aws.client("iam").create_role(RoleName=role.split("/")[1], AssumeRolePolicyDocument=trust)
    assert _refused(deployed, aws=local_aws, code=ECHO, Role=role)[1] == words
    name, client = deployed(local_aws, ECHO), local_aws.client("lambda")
    assert _refused(client.update_function_configuration, FunctionName=name, Role=role)[1] == words
    described = client.get_function_configuration(FunctionName=name)
    assert described["Role"] == function_role(local_aws)


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("create_function_url_config", {"AuthType": "NONE"}),
        ("create_event_source_mapping", {"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:queue"}),
        ("put_provisioned_concurrency_config", {"Qualifier": "1", "ProvisionedConcurrentExecutions": 1}),
        ("invoke_with_response_stream", {}),
    ],
)
def test_calls_that_would_do_nothing_are_refused(
    local_aws: LocalAws, call: str, parameters: dict[str, Any]
) -> None:
    name = deployed(local_aws, ECHO)
    code, message = _refused(getattr(local_aws.client("lambda"), call), FunctionName=name, **parameters)
    assert (code, "not support" in message) == ("NotImplementedException", True)


def test_code_that_is_refused_leaves_what_was_there(local_aws: LocalAws) -> None:
    name, client = deployed(local_aws, ECHO), local_aws.client("lambda")
    before = client.get_function_configuration(FunctionName=name)
    assert "Could not unzip" in _refused(client.update_function_code, FunctionName=name, ZipFile=b"no")[1]
    assert client.get_function_configuration(FunctionName=name)["CodeSha256"] == before["CodeSha256"]
    assert invoked(local_aws, name, 1)["Payload"] == 1


def test_a_revision_that_is_not_the_last_is_refused(local_aws: LocalAws) -> None:
    name, client = deployed(local_aws, ECHO), local_aws.client("lambda")
    first = client.get_function_configuration(FunctionName=name)["RevisionId"]
    client.update_function_configuration(FunctionName=name, Timeout=9, RevisionId=first)
    parameters = {"FunctionName": name, "ZipFile": zipped(ECHO), "RevisionId": first}
    assert _refused(client.update_function_code, **parameters)[0] == "PreconditionFailedException"


def test_a_template_gives_a_function_all_that_it_says(local_aws: LocalAws) -> None:
    stack, group = f"stack-{uuid4().hex}", f"/of/{uuid4().hex}"
    properties = {
        "Handler": "index.handler",
        "Runtime": "python3.13",
        "Role": function_role(local_aws),
        "Code": {"ZipFile": "def handler(event, context):\n  return context.log_group_name"},
        "LoggingConfig": {"LogGroup": group},
        "Tags": [{"Key": "owner", "Value": "me"}],
    }
    template = {"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": properties}}}
    cloudformation = local_aws.client("cloudformation")
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    (resource,) = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    assert invoked(local_aws, resource["PhysicalResourceId"])["Payload"] == group
    function = local_aws.client("lambda").get_function(FunctionName=resource["PhysicalResourceId"])
    assert function["Tags"]["owner"] == "me"

    properties["Code"] = {"ZipFile": "def handler(event, context):\n  return 'changed'"}
    cloudformation.update_stack(StackName=stack, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    assert invoked(local_aws, resource["PhysicalResourceId"])["Payload"] == "changed"
