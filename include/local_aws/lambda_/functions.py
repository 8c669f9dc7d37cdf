"""
Functions as they are made and changed: what AWS refuses, and what moto leaves out of them.

The words are AWS's: LocalStack (tests/aws/services/lambda_/test_lambda_api.snapshot.json), public reports.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from moto.awslambda import models
from moto.awslambda.exceptions import (
    CrossAccountNotAllowed,
    InvalidParameterValueException,
    InvalidRoleFormat,
    PreconditionFailedException,
)
from moto.awslambda.models import LambdaBackend, LambdaFunction

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
# What moto neither keeps nor changes, by the attribute that it is kept under here.
KEPT = {
    "DeadLetterConfig": "dead_letter_config",
    "KMSKeyArn": "kms_key_arn",
    "TracingConfig": "tracing_config",
}


def install() -> None:
    """Put the corrections in place."""
    find, make = models._validate_s3_bucket_and_key, LambdaFunction.__init__
    update, update_code = LambdaFunction.update_configuration, LambdaFunction.update_function_code
    describe, create = LambdaFunction.get_configuration, LambdaBackend.create_function

    def code_object(account_id: str, partition: str, data: dict[str, Any]) -> Any:
        if found := find(account_id, partition=partition, data=data):
            return found
        raise InvalidParameterValueException(
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key"
            " does not exist."
        )

    def initialise(
        function: LambdaFunction, account_id: str, spec: dict[str, Any], *rest: Any, **more: Any
    ) -> None:
        make(function, account_id, spec, *rest, **more)
        _require_code(function)
        function.dead_letter_config = spec.get("DeadLetterConfig")
        function.logging_config = _logging_config(function, spec.get("LoggingConfig") or {})
        function.event_invoke_configs = {}
        function.revision_id = str(uuid4())

    def create_function(backend: LambdaBackend, spec: dict[str, Any]) -> LambdaFunction:
        refuse(spec)
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
        _require_runtime(spec["Runtime"])
        return create(backend, spec)

    def update_configuration(function: LambdaFunction, changes: dict[str, Any]) -> dict[str, Any]:
        _require_revision(function, changes)
        refuse(changes)
        if runtime := changes.get("Runtime"):
            _require_runtime(runtime, current=function.run_time)
        _changed(function)
        for name, attribute in KEPT.items():
            if name in changes:
                setattr(function, attribute, changes[name])
        if "EphemeralStorage" in changes:
            function.ephemeral_storage = changes["EphemeralStorage"]["Size"]
        if "LoggingConfig" in changes:
            function.logging_config = _logging_config(function, changes["LoggingConfig"])
        answer: dict[str, Any] = update(function, changes)
        return answer

    def update_function_code(function: LambdaFunction, changes: dict[str, Any]) -> dict[str, Any]:
        _require_revision(function, changes)
        if changes.get("ImageUri"):
            raise _unsupported("ImageUri", changes["ImageUri"])
        if "S3Key" in changes:
            code_object(function.account_id, function.partition, changes)
        before = vars(function).copy()
        try:
            update_code(function, changes)
            _require_code(function)
        except Exception:
            vars(function).update(before)
            raise
        if not changes.get("DryRun"):
            _changed(function)
        answer: dict[str, Any] = function.get_configuration()
        return answer

    def get_configuration(function: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
        details: dict[str, Any] = describe(function, on_create)
        details["LoggingConfig"] = function.logging_config
        details["RevisionId"] = function.revision_id
        if function.dead_letter_config:
            details["DeadLetterConfig"] = function.dead_letter_config
        return details

    models._validate_s3_bucket_and_key = code_object
    LambdaFunction.__init__ = initialise
    LambdaFunction.update_configuration = update_configuration
    LambdaFunction.update_function_code = update_function_code
    LambdaFunction.get_configuration = get_configuration
    LambdaBackend.create_function = create_function


def refuse(given: Mapping[str, Any]) -> None:
    """
    Refuse what no function can have, whatever it is.

    :param given: parameters of CreateFunction, or properties of a template.
    """
    for name, nothing in UNSUPPORTED.items():
        value = given.get(name)
        if value and value != nothing and not (isinstance(value, dict) and not any(value.values())):
            raise _unsupported(name, value)
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


def _unsupported(name: str, value: object) -> InvalidParameterValueException:
    return InvalidParameterValueException(f"The embedded AWS does not support {name}: {value}")


def _require_role(arn: str) -> None:
    if not (written := re.match(InvalidRoleFormat.pattern, arn)):
        raise InvalidRoleFormat(arn)
    if written[2] != ACCOUNT_ID:
        raise CrossAccountNotAllowed
    if not can_be_taken(arn, SERVICE):
        raise InvalidParameterValueException("The role defined for the function cannot be assumed by Lambda.")


def _require_runtime(runtime: str, current: str = "") -> None:
    if reason := runtimes.refusal(runtime, current=current):
        raise InvalidParameterValueException(reason)


def _require_code(function: LambdaFunction) -> None:
    if reason := code.fault(function.code_bytes):
        raise InvalidParameterValueException(reason)


def _require_revision(function: LambdaFunction, changes: Mapping[str, Any]) -> None:
    if changes.get("RevisionId") not in (None, function.revision_id):
        raise PreconditionFailedException(
            "The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API "
            "to retrieve the latest Revision Id"
        )


def _changed(function: LambdaFunction) -> None:
    function.revision_id = str(uuid4())
    function.last_modified = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "+0000"


def _logging_config(function: LambdaFunction, given: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html: levels are for JSON alone."""
    group = given.get("LogGroup") or f"/aws/lambda/{function.function_name}"
    if given.get("LogFormat", "Text") == "Text":
        return {"LogFormat": "Text", "LogGroup": group}
    return {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", "LogGroup": group, **given}
