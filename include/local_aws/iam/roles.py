"""Roles that services are given: they have to be there, and to let the service take them."""

from __future__ import annotations

from moto.iam.models import iam_backends

from include.local_aws.iam.trust import lets_take
from include.local_aws.runtime import ACCOUNT_ID


def can_be_taken(arn: str, service: str) -> bool:
    """
    Whether a service can take a role, whether or not policies are enforced.

    :param arn: the role's.
    :param service: the service's principal, such as ``sagemaker.amazonaws.com``.
    """
    partition = arn.split(":")[1]
    roles = iam_backends[ACCOUNT_ID][partition].roles.values()
    role = next((role for role in roles if role.arn == arn), None)
    return role is not None and lets_take(role.assume_role_policy_document, service)
