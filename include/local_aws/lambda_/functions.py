"""Functions as they are made and changed, with what moto leaves out of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from moto.awslambda import models
from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend, LambdaFunction

from include.local_aws.lambda_ import function_rules as rules

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
        rules.require_code(function)
        function.dead_letter_config = spec.get("DeadLetterConfig")
        function.logging_config = _logging_config(function, spec.get("LoggingConfig") or {})
        function.event_invoke_configs = {}
        function.revision_id = str(uuid4())

    def create_function(backend: LambdaBackend, spec: dict[str, Any]) -> LambdaFunction:
        rules.refuse(spec)
        rules.require_name(spec)
        rules.require_runtime(spec["Runtime"])
        return create(backend, spec)

    def update_configuration(function: LambdaFunction, changes: dict[str, Any]) -> dict[str, Any]:
        rules.require_revision(function, changes)
        rules.refuse(changes)
        if runtime := changes.get("Runtime"):
            rules.require_runtime(runtime, current=function.run_time)
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
        rules.require_revision(function, changes)
        if changes.get("ImageUri"):
            raise rules.unsupported("ImageUri", changes["ImageUri"])
        if "S3Key" in changes:
            code_object(function.account_id, function.partition, changes)
        before = vars(function).copy()
        try:
            update_code(function, changes)
            rules.require_code(function)
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


def _changed(function: LambdaFunction) -> None:
    function.revision_id = str(uuid4())
    function.last_modified = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "+0000"


def _logging_config(function: LambdaFunction, given: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html: levels are for JSON alone."""
    group = given.get("LogGroup") or f"/aws/lambda/{function.function_name}"
    if given.get("LogFormat", "Text") == "Text":
        return {"LogFormat": "Text", "LogGroup": group}
    return {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", "LogGroup": group, **given}
