"""Lambda: functions really run, each in sandboxes that AWS's own runtime client serves."""

from __future__ import annotations

import base64
import json
import random
import re
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from moto.awslambda.exceptions import (
    InvalidParameterValueException,
    LambdaClientError,
    UnknownFunctionException,
)
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.core.responses import BaseResponse

from include.local_aws.lambda_ import event_invoke_configs, functions, templates
from include.local_aws.lambda_.event_queue import EventQueue
from include.local_aws.lambda_.invocations import Invocations, Result, Target
from include.local_aws.lambda_.sandbox import Request
from include.local_aws.runtime import Runtime
from include.local_aws.timers import Timers

REQUEST_ID = "x-amzn-requestid"
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, in bytes.
LARGEST_REQUEST = {"RequestResponse": 6_291_456, "Event": 1_048_576}
# A function's name, or an ARN of it or a part of one; of what these may be the API model says more.
_NAME = re.compile(
    r"(arn:[^:]+:lambda:)?([a-z]+(-[a-z]+)+-\d:)?(\d{12}:)?(function:)?(?P<name>[\w.-]+)(:(?P<qualifier>[\w$.-]+))?"
)
# What moto keeps without effect, or carries out in part: no URL leads anywhere, and what comes of queues and
# streams has made-up values, and is not tried again. Left out, they are refused as not supported.
REFUSED = (
    *("create_function_url_config", "get_function_url_config", "update_function_url_config"),
    *("delete_function_url_config", "get_function_code_signing_config"),
    *("create_event_source_mapping", "list_event_source_mappings", "get_event_source_mapping"),
    *("update_event_source_mapping", "delete_event_source_mapping"),
)


class InvalidRequestContentError(LambdaClientError):  # type: ignore[misc]
    """The event is no JSON."""

    def __init__(self, reason: object) -> None:
        super().__init__(
            "InvalidRequestContentException",
            f"Could not parse request body into json: Could not parse payload into json: {reason}",
        )


class RequestTooLargeError(LambdaClientError):  # type: ignore[misc]
    """The event is larger than its kind of invocation takes."""

    code = 413

    def __init__(self, most: int) -> None:
        super().__init__(
            "RequestTooLargeException",
            f"Request must be smaller than {most} bytes for the InvokeFunction operation",
        )


def install(runtime: Runtime) -> None:
    """Make invocations real; moto would start a Docker container, or return a canned answer."""
    timers = Timers()
    invocations = Invocations(runtime, timers)
    events = EventQueue(runtime, invocations, timers)
    runtime.on_close(invocations.close)
    functions.install()
    templates.install()
    event_invoke_configs.install()
    for name in REFUSED:
        delattr(LambdaResponse, name)

    def invoke(response: LambdaResponse) -> tuple[int, dict[str, str], bytes]:
        named = unquote(response.path.partition("/functions/")[2].rpartition("/invocations")[0])
        target = _target(response.backend, named, response._get_param("Qualifier"))
        kind = response.headers.get("X-Amz-Invocation-Type", "RequestResponse")
        request = _request(target, kind, response.raw_body, response.headers.get("X-Amz-Client-Context"))
        if kind == "DryRun":
            return 204, {"status": "204"}, b""
        if kind == "Event":
            events.put(target, request)
            return 202, {"status": "202", REQUEST_ID: request.request_id}, b""
        result = invocations.call(target, request)
        return 200, _headers(target, request, result, response.headers), result.answer.payload

    def invoke_async(response: LambdaResponse) -> tuple[int, dict[str, str], bytes]:
        named = unquote(response.path.partition("/functions/")[2].rpartition("/invoke-async")[0])
        target = _target(response.backend, named, None)
        events.put(target, _request(target, "Event", response.raw_body, None))
        return 202, {"status": "202"}, b""

    def invoke_for_a_service(function: LambdaFunction, body: Any, *_: Any) -> bytes:
        """What moto's other services call, topics and buckets: on AWS nobody waits for those."""
        target = Target(function, function, "")
        events.put(target, _request(target, "Event", body, None))
        return b""

    def create_event_source_mapping(_: LambdaBackend, __: dict[str, Any]) -> None:
        """What a template asks for; the call itself is refused before."""
        raise InvalidParameterValueException("The embedded AWS does not support event source mappings")

    LambdaResponse.invoke = invoke
    LambdaResponse._enrich_response = staticmethod(_with_request_id)
    LambdaResponse.invoke_async = invoke_async
    LambdaFunction.invoke = invoke_for_a_service
    LambdaBackend.create_event_source_mapping = create_event_source_mapping


def _with_request_id(headers: dict[str, str], body: Any) -> tuple[dict[str, str], Any]:
    """Leave an answer the id that the handler was given; moto makes up one for each."""
    given = headers.get(REQUEST_ID)
    headers, body = BaseResponse._enrich_response(headers, body)
    return {**headers, REQUEST_ID: given} if given else headers, body


def _target(backend: LambdaBackend, named: str, qualifier: str | None) -> Target:
    """Find what a name or ARN, with or without a qualifier, means at this moment."""
    if not (parts := _NAME.fullmatch(named)):
        raise UnknownFunctionException(named)
    name, in_name = parts["name"], parts["qualifier"]
    if qualifier and in_name and qualifier != in_name:
        raise InvalidParameterValueException(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    qualifier = qualifier or in_name or ""
    # moto's own words for what is not there.
    function = backend.get_function(name, qualifier or "$LATEST")
    latest = backend.get_function(name)
    version = str(function.version)
    alias = backend._lambdas._get_function_aliases(name).get(qualifier)
    weights = ((alias.routing_config or {}).get("AdditionalVersionWeights") or {}) if alias else {}
    drawn = random.random()  # noqa: S311 - it decides which of two versions runs
    for other, weight in weights.items():
        if (drawn := drawn - weight) < 0:
            version = other
            break
    if version != str(function.version):
        function = backend.get_function(name, version)
    return Target(function, latest, qualifier)


def _request(target: Target, kind: str, body: Any, client_context: str | None) -> Request:
    payload = (body.encode() if isinstance(body, str) else body) or b"{}"
    most = LARGEST_REQUEST.get(kind, LARGEST_REQUEST["RequestResponse"])
    if len(payload) > most:
        raise RequestTooLargeError(most)
    try:
        json.loads(payload)
    except ValueError as error:
        raise InvalidRequestContentError(error) from None
    return Request(str(uuid4()), payload, target.arn, _client_context(client_context))


def _client_context(header: str | None) -> str | None:
    if header is None:
        return None
    try:
        context = base64.b64decode(header, validate=True).decode()
        json.loads(context)
    except ValueError:
        raise LambdaClientError(
            "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object."
        ) from None
    return context


def _headers(target: Target, request: Request, result: Result, asked: Any) -> dict[str, str]:
    headers = {
        "content-type": "application/json",
        REQUEST_ID: request.request_id,
        "X-Amz-Executed-Version": str(target.function.version),
    }
    if result.answer.error:
        headers["x-amz-function-error"] = "Unhandled"
    if asked.get("X-Amz-Log-Type") == "Tail":
        headers["x-amz-log-result"] = base64.b64encode(result.log_tail).decode()
    return headers
