"""The function itself: boto3's clients, and whose endpoint it is."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import boto3

from . import answer as answering
from .ownership import take_ownership


class Boto3:
    """The clients that the facts are read with, kept from one invocation to the next."""

    @cached_property
    def dynamodb(self) -> Any:
        return boto3.client("dynamodb")

    @cached_property
    def sagemaker(self) -> Any:
        return boto3.client("sagemaker")

    @cached_property
    def stepfunctions(self) -> Any:
        return boto3.client("stepfunctions")


AWS = Boto3()


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """
    Decide what a deployment does next, after the endpoint was seen to be the stack's.

    :param event: see :func:`deployment.answer.answer`; and ``Stack``, ``Bucket``
    :param context: Lambda's, unused
    :raises EndpointOfAnotherStack: the endpoint is not the stack's
    :raises EndpointDeploymentFailed: the deployment has failed
    """
    if "Next" not in event["State"] and event["Execution"]["Input"]["DeployPolicy"] != "never":
        take_ownership(event, AWS)
    told = answering.answer(event, AWS)
    print(json.dumps({"Execution": event["Execution"]["Id"], **told}))  # noqa: T201 - the function's log
    return told
