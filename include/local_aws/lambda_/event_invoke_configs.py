"""What is to become of asynchronous invocations; moto keeps one configuration and no qualifier."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import (
    InvalidParameterValueException,
    LambdaClientError,
    UnknownEventConfig,
    UnknownFunctionException,
)
from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.core.responses import ActionResult

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
MOST_RETRIES, LONGEST_AGE = 2, 21_600
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html; S3 takes failures alone.
DESTINATIONS = {"sqs", "sns", "lambda", "events"}


class NoFunctionError(LambdaClientError):  # type: ignore[misc]
    """A configuration for a function that is not there."""

    code = 404

    def __init__(self) -> None:
        super().__init__("ResourceNotFoundException", "The function doesn't exist.")


def config_of(function: LambdaFunction, qualifier: str) -> dict[str, Any]:
    """What was said of a function's asynchronous invocations by a qualifier; empty if nothing was."""
    found: dict[str, Any] = function.event_invoke_configs.get(qualifier, {})
    return found


def install() -> None:
    """Put it in place."""
    LambdaResponse.put_function_event_invoke_config = _put
    LambdaResponse.update_function_event_invoke_config = _update
    LambdaResponse.get_function_event_invoke_config = _get
    LambdaResponse.delete_function_event_invoke_config = _delete
    LambdaResponse.list_function_event_invoke_configs = _list


def _put(response: LambdaResponse) -> ActionResult:
    return _kept(response, {})


def _update(response: LambdaResponse) -> ActionResult:
    function, qualifier = _named(response)
    return _kept(response, _found(function, qualifier))


def _get(response: LambdaResponse) -> ActionResult:
    return ActionResult(_found(*_named(response)))


def _delete(response: LambdaResponse) -> tuple[int, dict[str, Any], str]:
    function, qualifier = _named(response)
    _found(function, qualifier)
    del function.event_invoke_configs[qualifier]
    return 204, {"status": 204}, ""


def _list(response: LambdaResponse) -> ActionResult:
    function, _ = _named(response)
    return ActionResult({"FunctionEventInvokeConfigs": list(function.event_invoke_configs.values())})


def _named(response: LambdaResponse) -> tuple[LambdaFunction, str]:
    name = unquote(response.path.partition("/functions/")[2].partition("/event-invoke-config")[0])
    qualifier = response._get_param("Qualifier")
    try:
        function = response.backend.get_function(name, qualifier)
    except UnknownFunctionException:
        raise NoFunctionError from None
    in_name = name.rpartition(":function:")[2] if ":function:" in name else name
    return function, qualifier or in_name.partition(":")[2] or "$LATEST"


def _found(function: LambdaFunction, qualifier: str) -> dict[str, Any]:
    if not (config := config_of(function, qualifier)):
        raise UnknownEventConfig(_arn(function, qualifier))
    return config


def _kept(response: LambdaResponse, before: dict[str, Any]) -> ActionResult:
    function, qualifier = _named(response)
    given = response.json_body
    settings = {
        name: given[name] for name in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds") if name in given
    }
    destinations = given.get("DestinationConfig")
    if not settings and not destinations:
        raise InvalidParameterValueException(
            "You must specify at least one of error handling or destination setting."
        )
    for outcome in (destinations or {}).values():
        if arn := outcome.get("Destination"):
            _require_destination(response, function, arn)
    kept = {
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
        **before,
        **settings,
        "FunctionArn": _arn(function, qualifier),
        "LastModified": datetime.now(UTC),
    }
    if destinations:
        kept["DestinationConfig"] = {"OnSuccess": {}, "OnFailure": {}, **destinations}
    function.event_invoke_configs[qualifier] = kept
    return ActionResult(kept)


def _require_destination(response: LambdaResponse, function: LambdaFunction, arn: str) -> None:
    service = arn.split(":")[2] if arn.count(":") > 2 else ""
    if service not in DESTINATIONS:
        raise InvalidParameterValueException(f"The embedded AWS does not support the destination {arn}")
    if service == "lambda":
        try:
            other = response.backend.get_function(arn)
        except UnknownFunctionException:
            raise InvalidParameterValueException(f"The destination ARN {arn} is invalid.") from None
        if other.function_name == function.function_name:
            raise InvalidParameterValueException(
                "You can't specify the function as a destination for itself."
            )


def _arn(function: LambdaFunction, qualifier: str) -> str:
    return f"{':'.join(function.function_arn.split(':')[:7])}:{qualifier}"
