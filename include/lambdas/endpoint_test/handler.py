"""Lambda ``endpoint_test``: whether an endpoint is the stack's to deploy to, and whether it answers."""

from __future__ import annotations

import math
import re
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
STACK_TAG, MODEL_TAG = "retraining:stack", "retraining:model"


class EndpointTestFailed(Exception):
    """The endpoint did not answer with numbers; says why."""


class EndpointOfAnotherStack(Exception):
    """The endpoint is not this stack's; says whose, and what to do."""


@cache
def client(service: str) -> Any:
    """A client, kept from one invocation to the next."""
    return boto3.client(  # type: ignore[call-overload]
        service, config=Config(read_timeout=READ_TIMEOUT_SECONDS, retries={"total_max_attempts": 3})
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """
    See to it that an endpoint is the stack's, where the event has ``Stack``, or test it.

    :param event: of :func:`belongs` or of :func:`answers`
    :param context: Lambda's, unused
    """
    return belongs(event) if "Stack" in event else answers(event)


def belongs(event: dict[str, Any]) -> dict[str, Any]:
    """
    See to it that an endpoint is the stack's, before anything is deployed to it.

    The tag ``retraining:stack`` says whose it is. One without the tag gets it, if no retrain has deployed to
    it, or if it was made before there were such tags and is claimed in the stack's table.

    :param event: ``EndpointName``, ``Stack``, and the stack's ``Bucket`` and ``DeploymentsTable``
    :return: ``Owner``: the stack, or None where there is no endpoint yet
    :raises EndpointOfAnotherStack: it is not
    """
    name, stack = event["EndpointName"], event["Stack"]
    sagemaker = client("sagemaker")
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if not _is_gone(error):
            raise
        return {"Owner": None}
    arn = endpoint["EndpointArn"]
    owner = _tags(arn).get(STACK_TAG)
    if owner not in (None, stack):
        raise EndpointOfAnotherStack(
            f"endpoint: {name} belongs to stack {owner}, not to {stack}; give the model another one"
        )
    if owner is None:
        if theirs := _made_by_another(endpoint, event):
            raise EndpointOfAnotherStack(
                f"endpoint: {name} has no tag {STACK_TAG}, and serves what {theirs} made;"
                f" give the model another endpoint, or this one the tag {STACK_TAG}={stack}"
            )
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": STACK_TAG, "Value": stack}])
    return {"Owner": stack}


def _made_by_another(endpoint: dict[str, Any], event: dict[str, Any]) -> str | None:
    """Who deployed to an endpoint without a tag, where it was another stack's retrain."""
    config = endpoint.get("EndpointConfigName")
    artifact, tags = _served(config) if config else ("", {})
    _, _, _, region, account, _ = endpoint["EndpointArn"].split(":", 5)
    found = re.match(rf"s3://((.+)-{account}-{region})/runs/", artifact)
    if found:
        return None if found[1] == event["Bucket"] else f"stack {found[2]}"
    key = {"Endpoint": {"S": event["EndpointName"]}}
    table = client("dynamodb")
    claimed = table.get_item(TableName=event["DeploymentsTable"], Key=key, ConsistentRead=True).get("Item")
    return "a retrain of another stack" if MODEL_TAG in tags and not claimed else None


def _served(config: str) -> tuple[str, dict[str, str]]:
    """The artifact that an endpoint config names, as far as it is still there, and the config's tags."""
    sagemaker = client("sagemaker")
    try:
        described = sagemaker.describe_endpoint_config(EndpointConfigName=config)
        tags = _tags(described["EndpointConfigArn"])
        (variant, *_) = described["ProductionVariants"]
        model = sagemaker.describe_model(ModelName=variant.get("ModelName", ""))
    except ClientError as error:
        if not _is_gone(error):
            raise
        return "", {}
    return model.get("PrimaryContainer", {}).get("ModelDataUrl", ""), tags


def _tags(arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in client("sagemaker").list_tags(ResourceArn=arn)["Tags"]}


def _is_gone(error: ClientError) -> bool:
    # SageMaker has no error of its own for what is not there.
    return "Could not find" in error.response["Error"]["Message"]


def answers(event: dict[str, Any]) -> dict[str, Any]:
    """
    Call an endpoint once, with the first row of a CSV.

    :param event: ``EndpointName``, and ``Rows``, the S3 prefix of CSV files whose first column is the label
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
