"""Answers InvokeEndpoint with the predictions of the model that the endpoint was given."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import dataclass, field
from typing import Any

from moto.sagemaker.models import sagemaker_backends
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

# What each endpoint serves, by its ARN.
served_models: dict[str, Served] = {}


@dataclass
class Served:
    """
    A model in memory.

    :param booster: xgboost's.
    :param variant: the production variant it answers for.
    """

    booster: Any
    variant: str
    lock: threading.Lock = field(default_factory=threading.Lock)

    def predict(self, rows: Any) -> list[float]:
        import xgboost as xgb

        # xgboost does not promise that one booster may predict from several threads at once.
        with self.lock:
            values: list[float] = self.booster.predict(xgb.DMatrix(rows)).tolist()
        return values


class ModelError(Exception):
    """
    The container answered with an error.

    :param status: the HTTP status of its answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def install() -> None:
    """Make InvokeEndpoint real, and refuse InvokeEndpointAsync; moto gives canned answers to both."""
    SageMakerRuntimeResponse.invoke_endpoint = _invoke_endpoint
    del SageMakerRuntimeResponse.invoke_endpoint_async


def _invoke_endpoint(response: SageMakerRuntimeResponse) -> tuple[int, dict[str, str], str]:
    # /endpoints/<name>/invocations
    name = response.path.split("/")[2]
    backend = sagemaker_backends[response.current_account][response.region]
    endpoint = backend.endpoints.get(name)
    if endpoint is None:
        message = f"Endpoint {name} of account {response.current_account} not found."
        return _error(400, "ValidationError", {"message": message})
    served = served_models.get(endpoint.arn)
    if served is None:
        message = f"Endpoint {name} is {endpoint.endpoint_status}; it serves no model."
        return _error(400, "ValidationError", {"message": message})
    try:
        rows = _parse_rows(
            response.headers.get("Content-Type", ""), response.body, served.booster.num_features()
        )
    except ModelError as error:
        message = f'Received client error ({error.status}) from primary with message "{error}".'
        original = {"OriginalStatusCode": error.status, "OriginalMessage": str(error)}
        return _error(424, "ModelError", {"Message": message, **original})
    # The container separates predictions by commas, whatever the number of rows.
    body = ",".join(str(value) for value in served.predict(rows))
    return 200, {"Content-Type": "text/csv", "x-Amzn-Invoked-Production-Variant": served.variant}, body


def _parse_rows(content_type: str, body: str | bytes, features: int) -> Any:
    import numpy as np

    if content_type.split(";")[0].strip().lower() != "text/csv":
        raise ModelError(
            415, f"Content type {content_type!r} is not supported; the embedded AWS takes text/csv"
        )
    try:
        text = body.decode() if isinstance(body, bytes) else body
        if not text.strip():
            raise ValueError("the body is empty")
        rows = np.loadtxt(io.StringIO(text), delimiter=",", dtype=np.float32, ndmin=2)
    except ValueError as error:
        raise ModelError(
            415, f"Loading csv data failed, please ensure data is in csv format: {error}"
        ) from error
    if rows.shape[1] != features:
        raise ModelError(
            400,
            f"Feature size of csv inference data {rows.shape[1]} is not consistent "
            f"with feature size of trained model {features}",
        )
    return rows


def _error(status: int, code: str, body: dict[str, Any]) -> tuple[int, dict[str, str], str]:
    # moto takes the status from this header, whatever the first of the three says.
    headers = {"Content-Type": "application/json", "x-amzn-errortype": code, "status": str(status)}
    return status, headers, json.dumps(body)
