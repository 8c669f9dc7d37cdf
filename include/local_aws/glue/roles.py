"""The roles that Glue is given."""

from __future__ import annotations

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from include.local_aws.iam.trust import lets_take
from include.local_aws.runtime import ACCOUNT_ID


def arn_of(role: str) -> str:
    """A role's ARN; a job or a crawler may name it without."""
    return role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT_ID}:role/{role}"


def can_be_taken(role: str) -> bool:
    """Whether there is a role and Glue may take it."""
    try:
        found = iam_backends[ACCOUNT_ID]["aws"].get_role(role.rpartition("/")[2])
    except NotFoundException:
        return False
    return lets_take(found.assume_role_policy_document, "glue.amazonaws.com")
