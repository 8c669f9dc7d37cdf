"""
Refuses a role that Step Functions cannot take.

CreateStateMachine and UpdateStateMachine say AccessDeniedException of a role that is not there or does not
trust them: https://repost.aws/knowledge-center/step-functions-iam-role-troubleshooting
"""

from __future__ import annotations

import re

from moto.core.exceptions import AWSError
from moto.stepfunctions.exceptions import InvalidArn

from include.local_aws.iam.roles import can_be_taken
from include.local_aws.runtime import ACCOUNT_ID

SERVICE = "states.amazonaws.com"
ARN = re.compile(r"arn:aws(-cn|-us-gov)?:iam::(?P<account>\d{12}):role/(?P<path>[\w+=,.@/-]+)")
NOT_TRUSTED = (
    f"Neither the global service principal {SERVICE}, nor the regional one is authorized to assume the "
    "provided role."
)


class AccessDeniedException(AWSError):  # type: ignore[misc]
    TYPE = "AccessDeniedException"


def refuse(arn: str) -> None:
    """
    Let nothing be made that runs with a role which cannot be taken.

    :raises InvalidArn: when it is no role's ARN.
    :raises AccessDeniedException: when the role is another account's, is not there or does not trust it.
    """
    found = ARN.fullmatch(arn)
    if not found:
        raise InvalidArn(f"Invalid Role Arn: '{arn}'")
    if found["account"] != ACCOUNT_ID:
        raise AccessDeniedException("Cross-account pass role is not allowed.")
    if not can_be_taken(arn, SERVICE):
        raise AccessDeniedException(NOT_TRUSTED)
