"""CloudFormation's policies of topics, which moto lacks."""

from __future__ import annotations

import json
from typing import Any

from moto.core.common_models import CloudFormationModel
from moto.sns.models import sns_backends

from include.local_aws.cloudformation.resource_type import ResourceType


class TopicPolicy(ResourceType, CloudFormationModel):  # type: ignore[misc]
    """AWS::SNS::TopicPolicy; the topics go with their stack."""

    TYPE = "AWS::SNS::TopicPolicy"

    @classmethod
    def put(cls, _name: str, properties: dict[str, Any], account_id: str, region_name: str) -> None:
        for topic in properties["Topics"]:
            policy = json.dumps(properties["PolicyDocument"])
            sns_backends[account_id][region_name].get_topic(topic).policy = policy
