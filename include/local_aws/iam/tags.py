"""
The tags that conditions can ask for: those that a request gives, and those that its resource has.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_iam-tags.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import sagemaker_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from include.local_aws.runtime import ACCOUNT_ID


def tag_context(arn: str, parameters: Mapping[str, Any], region: str) -> dict[str, str]:
    """
    Values of condition keys.

    :param arn: the resource.
    :param parameters: the request's, by boto3's names.
    """
    tags = [*parameters.get("Tags", ()), *parameters.get("tags", ())]
    asked = {_field(tag, "key"): _field(tag, "value") for tag in tags if isinstance(tag, Mapping)}
    return {
        **{f"aws:RequestTag/{key}": value for key, value in asked.items()},
        **{f"aws:ResourceTag/{key}": value for key, value in _resource_tags(arn, region).items()},
    }


def _field(tag: Mapping[str, str], name: str) -> str:
    return tag.get(name) or tag.get(name.title()) or ""


def _resource_tags(arn: str, region: str) -> dict[str, str]:
    if arn.startswith("arn:aws:sagemaker:"):
        try:
            resource = sagemaker_backends[ACCOUNT_ID][region]._get_resource_from_arn(arn)
        except ValidationError:
            return {}
        return {tag["Key"]: tag["Value"] for tag in resource.tags or ()}
    if arn.startswith("arn:aws:states:"):
        # Versions and executions have their state machine's tags:
        # https://docs.aws.amazon.com/step-functions/latest/dg/tag-based-policies.html
        parts = arn.split(":")
        machine = ":".join([*parts[:5], "stateMachine", *parts[6:7]])
        tagger = stepfunctions_parser_backends[ACCOUNT_ID][region].tagger
        found: dict[str, str] = tagger.get_tag_dict_for_resource(machine)
        return found
    return {}
