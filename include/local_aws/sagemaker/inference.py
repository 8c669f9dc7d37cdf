"""Answers InvokeEndpoint with what the containers say that the endpoint's models were given to."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from typing import Any

from moto.sagemaker.models import FakeEndpoint, sagemaker_backends
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

from include.local_aws.sagemaker import telemetry
from include.local_aws.sagemaker.data_capture import DataCapture
from include.local_aws.sagemaker.serving_container import Answer, Container

# What each endpoint serves, by its ARN.
served_models: dict[str, Served] = {}
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html: what asks for
# something that the endpoints here do not have.
REFUSED_HEADERS = {
    "X-Amzn-SageMaker-Target-Model": "TargetModel",
    "X-Amzn-SageMaker-Target-Container-Hostname": "TargetContainerHostname",
    "X-Amzn-SageMaker-Inference-Component": "InferenceComponentName",
    "X-Amzn-SageMaker-Enable-Explanations": "EnableExplanations",
    "X-Amzn-SageMaker-Session-Id": "SessionId",
}
Response = tuple[int, dict[str, str], str]


@dataclass(frozen=True)
class Served:
    """
    The models behind an endpoint.

    :param containers: by the production variants' names.
    :param capture: what writes requests and answers down, if the endpoint's configuration asks for it.
    :param before: what was served before, while traffic shifts.
    :param percentage: how much of the traffic does not go there any more.
    """

    containers: dict[str, Container]
    capture: DataCapture | None = None
    before: Served | None = None
    percentage: int = 100

    def fleet(self) -> Served:
        """Which of both fleets answers a request."""
        shifted = self.before is None or random.uniform(0, 100) < self.percentage  # noqa: S311
        return self if shifted or self.before is None else self.before


def install() -> None:
    """Make InvokeEndpoint real, and refuse InvokeEndpointAsync; moto gives canned answers to both."""
    SageMakerRuntimeResponse.invoke_endpoint = _invoke_endpoint
    del SageMakerRuntimeResponse.invoke_endpoint_async


def _invoke_endpoint(response: SageMakerRuntimeResponse) -> Response:
    # /endpoints/<name>/invocations
    name, headers = response.path.split("/")[2], response.headers
    endpoint = sagemaker_backends[response.current_account][response.region].endpoints.get(name)
    if endpoint is None:
        return _invalid(f"Endpoint {name} of account {response.current_account} not found.")
    served = served_models.get(endpoint.arn)
    if served is None:
        return _invalid(f"Endpoint {name} is {endpoint.endpoint_status}; it serves no model.")
    if refused := [parameter for header, parameter in REFUSED_HEADERS.items() if headers.get(header)]:
        return _invalid(f"{refused[0]}: the embedded AWS does not support it")
    served = served.fleet()
    variant = headers.get("X-Amzn-SageMaker-Target-Variant") or _routed(endpoint)
    if variant not in served.containers:
        return _invalid(f"Could not find variant with name {variant} for endpoint {name}.")
    content_type, body = headers.get("Content-Type", ""), _bytes(response.body)
    began = time.monotonic()
    answer = served.containers[variant].invocations(body, content_type, headers.get("Accept"))
    telemetry.invoked(endpoint, variant, answer, time.monotonic() - began)
    if answer.status >= 400:
        return _model_error(endpoint, response, answer)
    if served.capture:
        captured = (answer.content_type, answer.body.encode())
        served.capture.capture(variant, (content_type, body), captured)
    # The number is read by moto from the headers.
    about = {"Content-Type": answer.content_type, "status": "200"}
    attributes = headers.get("X-Amzn-SageMaker-Custom-Attributes")
    if attributes:
        about["X-Amzn-SageMaker-Custom-Attributes"] = attributes
    return 200, {**about, "x-Amzn-Invoked-Production-Variant": variant}, answer.body


def _routed(endpoint: FakeEndpoint) -> str:
    """A variant, as often as its share of the weights."""
    variants = endpoint.production_variants
    weights = [variant["CurrentWeight"] for variant in variants]
    chosen = random.choices(variants, weights if any(weights) else None)[0]  # noqa: S311
    return str(chosen["VariantName"])


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else str(body or "").encode()


def _model_error(endpoint: FakeEndpoint, response: SageMakerRuntimeResponse, answer: Answer) -> Response:
    account, region, status = response.current_account, response.region, answer.status.value
    group = f"/aws/sagemaker/Endpoints/{endpoint.endpoint_name}"
    whose = "client" if status < 500 else "server"
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
    message = (
        f'Received {whose} error ({status}) from primary with message "{answer.body}". See '
        f"{console}#logEventViewer:group={group} in account {account} for more information."
    )
    original = {"OriginalStatusCode": status, "OriginalMessage": answer.body}
    stream = {"LogStreamArn": f"arn:aws:logs:{region}:{account}:log-group:{group}"}
    return _error(424, "ModelError", {"Message": message, **original, **stream})


def _invalid(message: str) -> Response:
    return _error(400, "ValidationError", {"message": message})


def _error(status: int, code: str, body: dict[str, Any]) -> Response:
    # moto takes the status from this header, whatever the first of the three says.
    headers = {"Content-Type": "application/json", "x-amzn-errortype": code, "status": str(status)}
    return status, headers, json.dumps(body)
