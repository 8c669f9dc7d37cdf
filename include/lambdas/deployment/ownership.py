"""Whose an endpoint is: nothing is deployed to another stack's."""

from __future__ import annotations

import re
from typing import Any

from .reading import MODEL_TAG, STACK_TAG, Clients, attributes_of, described, tags_of


class EndpointOfAnotherStack(Exception):
    """The endpoint is not this stack's; says whose, and what to do."""


def take_ownership(event: dict[str, Any], aws: Clients) -> None:
    """
    See to it that an endpoint is the stack's, before anything is deployed to it.

    The tag ``retraining:stack`` says whose it is. One without the tag gets it, if no retrain has deployed to
    it, or if it was made before there were such tags and is claimed in the stack's table.

    :param event: ``Execution``, the context object's, ``Stack``, and the stack's ``Bucket``
    :raises EndpointOfAnotherStack: it is not
    """
    name, stack = event["Execution"]["Input"]["EndpointName"], event["Stack"]
    endpoint = described(aws.sagemaker.describe_endpoint, EndpointName=name)
    if endpoint is None:
        return
    arn = endpoint["EndpointArn"]
    owner = tags_of(aws, arn).get(STACK_TAG)
    if owner not in (None, stack):
        raise EndpointOfAnotherStack(
            f"endpoint: {name} belongs to stack {owner}, not to {stack}; give the model another one"
        )
    if owner is None:
        if theirs := _made_by_another(endpoint, event, aws):
            raise EndpointOfAnotherStack(
                f"endpoint: {name} has no tag {STACK_TAG}, and serves what {theirs} made;"
                f" give the model another endpoint, or this one the tag {STACK_TAG}={stack}"
            )
        aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": STACK_TAG, "Value": stack}])


def _made_by_another(endpoint: dict[str, Any], event: dict[str, Any], aws: Clients) -> str | None:
    """Who deployed to an endpoint without a tag, where it was another stack's retrain."""
    config = endpoint.get("EndpointConfigName")
    artifact, tags = _served(config, aws) if config else ("", {})
    _, _, _, region, account, _ = endpoint["EndpointArn"].split(":", 5)
    bucket = re.match(rf"s3://((.+)-{account}-{region})/runs/", artifact)
    if bucket:
        return None if bucket[1] == event["Bucket"] else f"stack {bucket[2]}"
    # An item may say no more than that somebody holds the endpoint.
    claimed = "WindowEnd" in attributes_of(aws, event["Execution"]["Input"])
    return "a retrain of another stack" if MODEL_TAG in tags and not claimed else None


def _served(config: str, aws: Clients) -> tuple[str, dict[str, str]]:
    """The artifact that an endpoint config names, as far as it is still there, and the config's tags."""
    found = described(aws.sagemaker.describe_endpoint_config, EndpointConfigName=config)
    if found is None:
        return "", {}
    (variant, *_) = found["ProductionVariants"]
    model = described(aws.sagemaker.describe_model, ModelName=variant.get("ModelName", "")) or {}
    artifact: str = model.get("PrimaryContainer", {}).get("ModelDataUrl", "")
    return artifact, tags_of(aws, found["EndpointConfigArn"])
