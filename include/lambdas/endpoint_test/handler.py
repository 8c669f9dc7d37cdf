"""Lambda ``endpoint_test``: whether an endpoint answers with numbers."""

from __future__ import annotations

import math
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

# A container must answer within 60 seconds:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
READ_TIMEOUT_SECONDS = 65
# Errors of the model or its endpoint; any other (throttling, rights) says nothing about them.
FAULTS = ("ModelError", "ModelNotReadyException", "ValidationError")


class EndpointTestFailed(Exception):
    """The endpoint did not answer with numbers; says why."""


@cache
def client(service: str) -> Any:
    """A client, kept from one invocation to the next."""
    return boto3.client(  # type: ignore[call-overload]
        service, config=Config(read_timeout=READ_TIMEOUT_SECONDS, retries={"total_max_attempts": 3})
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """
    Call an endpoint once, with the first row of a CSV.

    :param event: ``EndpointName``, and ``Rows``, the S3 prefix of CSV files whose first column is the label
    :param context: Lambda's, unused
    :return: ``Prediction``, the numbers that it answered with; ``Row``, what it was asked, and ``Variant``,
        the production variant that answered
    :raises EndpointTestFailed: there is no row to ask it with, it answers with an error, or with anything but
        finite numbers
    """
    endpoint, row = event["EndpointName"], first_row(event["Rows"])
    try:
        answer = client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, ContentType="text/csv", Body=row
        )
        body = answer["Body"].read().decode(errors="replace")
    except ClientError as error:
        if error.response["Error"]["Code"] not in FAULTS:
            raise
        raise EndpointTestFailed(f"endpoint {endpoint}: {error}") from error
    except HTTPClientError as error:
        raise EndpointTestFailed(f"endpoint {endpoint} did not answer: {error}") from error
    return {"Prediction": _numbers(endpoint, body), "Row": row, "Variant": answer["InvokedProductionVariant"]}


def first_row(prefix: str) -> str:
    """
    The first row below an S3 prefix, without its label.

    :raises EndpointTestFailed: when there is none
    """
    parts = urlsplit(prefix)
    bucket, key_prefix = parts.netloc, parts.path.lstrip("/")
    pages = client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key_prefix)
    for item in (found for page in pages for found in page.get("Contents", ())):
        body = client("s3").get_object(Bucket=bucket, Key=item["Key"])["Body"]
        for line in body.iter_lines():
            _, comma, features = line.decode().strip().partition(",")
            if comma:
                return str(features)
    raise EndpointTestFailed(f"{prefix}: there is no row to call the endpoint with")


def _numbers(endpoint: str, body: str) -> list[float]:
    try:
        # The XGBoost container separates by commas, its older versions by line ends.
        numbers = [float(value) for value in body.replace("\n", ",").split(",") if value.strip()]
    except ValueError:
        numbers = []
    if not numbers or not all(map(math.isfinite, numbers)):
        raise EndpointTestFailed(
            f"endpoint {endpoint} answered {body[:200]!r}; expected finite numbers separated by commas"
        )
    return numbers
