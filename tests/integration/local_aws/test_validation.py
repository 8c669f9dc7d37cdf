"""The embedded AWS refuses what AWS refuses for its parameters alone, in the form of each service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import Shape

from include.local_aws.iam.needs import PREFIXES
from tests.integration.embedded_aws import LocalAws
from tests.unit.cloudformation.template import Template, granted_actions

# The permission test holds that these grant what is called and nothing else.
PRINCIPALS = (
    "AirflowPolicy",
    "StateMachineRole",
    "MetricsFunctionRole",
    "EndpointTestFunctionRole",
    "DeploymentFunctionRole",
)
# What is called without a policy of the template: by the scripts that deploy it.
BY_DEPLOYERS = {"cloudformation:CreateChangeSet", "cloudformation:DeleteStack"}
# Boto3's names of services by IAM's; of the two that have the same, the one that the project's roles call.
SERVICES = {prefix: service for service, prefix in PREFIXES.items() if service != "sagemaker-runtime"}
# Rights that are no calls of the embedded AWS: what Step Functions sets up for itself.
NO_CALLS = {"events"}
CODES = {"ValidationException", "ValidationError", "InvalidParameterException"}
SESSION = botocore.session.get_session()
# The longest text worth sending.
LONGEST = 3000


def calls() -> Iterator[tuple[str, str]]:
    """Services and operations that the project calls, S3's apart: its model has no constraints to break."""
    granted = granted_actions(policy for name in PRINCIPALS for policy in Template().policies(name))
    for action in sorted(granted | BY_DEPLOYERS):
        prefix, name = action.split(":")
        if prefix in {"s3", "logs", "iam", *NO_CALLS} and action != "iam:GetRole":
            continue
        service = "sagemaker-runtime" if name == "InvokeEndpoint" else SERVICES.get(prefix, prefix)
        operation = "Invoke" if name == "InvokeFunction" else name
        assert operation in SESSION.get_service_model(service).operation_names, action
        yield service, operation


def broken(shape: Shape) -> Any:
    """A value that the model does not allow; None where it allows any."""
    limits = shape.metadata
    if shape.type_name == "string":
        if "enum" in limits:
            return "no-such-value"
        if limits.get("max", LONGEST) < LONGEST:
            return "x" * (limits["max"] + 1)
        if "pattern" in limits and not re.fullmatch(limits["pattern"], "!"):
            return "!"
    if shape.type_name in ("integer", "long") and "max" in limits:
        return limits["max"] + 1
    return None


@pytest.mark.parametrize(("service", "operation"), list(calls()))
def test_every_call_of_the_project_is_held_to_its_model(
    local_aws: LocalAws, service: str, operation: str
) -> None:
    client = SESSION.create_client(
        service,
        endpoint_url=local_aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )
    shape = client.meta.service_model.operation_model(operation).input_shape
    assert shape is not None
    in_path = {
        name: "a-name" for name in shape.required_members if shape.members[name].serialization.get("location")
    }
    name, value = next((name, wrong) for name, member in shape.members.items() if (wrong := broken(member)))
    with pytest.raises(ClientError) as refused:
        getattr(client, xform_name(operation))(**{**in_path, name: value})
    error = refused.value.response["Error"]
    assert error["Code"] in CODES
    assert re.match(r"\d+ validation errors? detected: ", error["Message"]), error
    assert f"at '{name[:1].lower()}{name[1:]}' failed to satisfy constraint: Member must " in error["Message"]


def test_executions_to_redrive_are_not_asked_for_by_state_machine(local_aws: LocalAws) -> None:
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
    with pytest.raises(ClientError, match=r"ValidationException.*PENDING_REDRIVE takes a mapRunArn"):
        local_aws.client("stepfunctions").list_executions(
            stateMachineArn=machine, statusFilter="PENDING_REDRIVE"
        )
