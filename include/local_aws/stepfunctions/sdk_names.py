"""
Names of the aws-sdk integrations: what a service is called in a resource, and in the errors of its calls.

They are those of AWS's SDK for Java 2: ``S3.NoSuchKeyException``, ``DynamoDb.DynamoDbException``,
``Sfn...``, as AWS answered LocalStack (services/test_aws_sdk_task_service.snapshot.json), made from the
service's ID of the API models.
"""

from __future__ import annotations

import re
from functools import lru_cache

from botocore.session import Session
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk as aws_sdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|\d+")
# Where boto3's name of a service is not that of its ID, of the services that are here.
BOTO = {
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "sagemakerruntime": "sagemaker-runtime",
    "servicequotas": "service-quotas",
    "sfn": "stepfunctions",
    "states": "stepfunctions",
}


def install() -> None:
    """Put them in place."""
    StateTaskService._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES = BOTO
    aws_sdk.StateTaskServiceAwsSdk._normalise_service_error_name = staticmethod(error_name)


@lru_cache(maxsize=256)
def error_name(service: str) -> str:
    """What the names of a service's errors begin with, such as ``DynamoDb`` of ``dynamodb``."""
    service_id = Session().get_service_model(BOTO.get(service.lower(), service.lower())).service_id
    return "".join(word.capitalize() for word in _WORD.findall(service_id))
