"""
What no function can be: what AWS refuses, and what the embedded AWS has not.

The words are AWS's: LocalStack (tests/aws/services/lambda_/test_lambda_api.snapshot.json), public reports.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.awslambda.exceptions import (
    CrossAccountNotAllowed,
    InvalidParameterValueException,
    InvalidRoleFormat,
    PreconditionFailedException,
)
from moto.awslambda.models import LambdaFunction

from include.local_aws.iam.roles import can_be_taken
from include.local_aws.lambda_ import code, runtimes
from include.local_aws.runtime import ACCOUNT_ID

SERVICE = "lambda.amazonaws.com"
# What a function cannot have here, and the one value of each that asks for nothing.
UNSUPPORTED: Mapping[str, object] = {
    **dict.fromkeys(("AcceleratorConfig", "CapacityProviderConfig", "CodeSigningConfigArn"), None),
    **dict.fromkeys(("DurableConfig", "FileSystemConfigs", "ImageConfig", "PublishTo"), None),
    **dict.fromkeys(("RuntimeConfig", "TenancyConfig"), None),
    "PackageType": "Zip",
    "SnapStart": {"ApplyOn": "None"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html: of the name alone.
LONGEST_NAME = 64
# Of all variables together, in bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_ENVIRONMENT = 4096
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
RESERVED_VARIABLES = {
    *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV"),
    *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
    *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
    *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
}


def refuse(given: Mapping[str, Any]) -> None:
    """
    Refuse what no function can have, whatever it is.

    :param given: parameters of CreateFunction, or properties of a template.
    """
    for name, nothing in UNSUPPORTED.items():
        value = given.get(name)
        if value and value != nothing and not (isinstance(value, dict) and not any(value.values())):
            raise unsupported(name, value)
    if role := given.get("Role"):
        _require_role(role)
    variables = (given.get("Environment") or {}).get("Variables") or {}
    if reserved := sorted(RESERVED_VARIABLES & set(variables)):
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment variables you "
            "have provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > LARGEST_ENVIRONMENT:
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment variables you "
            f"have provided exceeded the 4KB limit. String measured: {measured}"
        )


def unsupported(name: str, value: object) -> InvalidParameterValueException:
    """The error that names a parameter which nothing comes of here."""
    return InvalidParameterValueException(f"The embedded AWS does not support {name}: {value}")


def _require_role(arn: str) -> None:
    if not (written := re.match(InvalidRoleFormat.pattern, arn)):
        raise InvalidRoleFormat(arn)
    if written[2] != ACCOUNT_ID:
        raise CrossAccountNotAllowed
    if not can_be_taken(arn, SERVICE):
        raise InvalidParameterValueException("The role defined for the function cannot be assumed by Lambda.")


def require_runtime(runtime: str, current: str = "") -> None:
    """Refuse a runtime that is gone, never was, or cannot run here."""
    if reason := runtimes.refusal(runtime, current=current):
        raise InvalidParameterValueException(reason)


def require_code(function: LambdaFunction) -> None:
    """Refuse a function whose code is no zip, or too large."""
    if reason := code.fault(function.code_bytes):
        raise InvalidParameterValueException(reason)


def require_revision(function: LambdaFunction, changes: Mapping[str, Any]) -> None:
    """Refuse a change of another revision than the one that is there."""
    if changes.get("RevisionId") not in (None, function.revision_id):
        raise PreconditionFailedException(
            "The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API "
            "to retrieve the latest Revision Id"
        )


def require_name(spec: Mapping[str, Any]) -> None:
    """Refuse a new function whose name is too long, or that nothing could call."""
    name = spec["FunctionName"].rpartition(":")[2]
    if len(name) > LONGEST_NAME:
        raise InvalidParameterValueException(
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy "
            f"constraint: Member must have length less than or equal to {LONGEST_NAME}"
        )
    if not spec.get("Handler") or not spec.get("Runtime"):
        raise InvalidParameterValueException(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
