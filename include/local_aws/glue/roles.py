"""The roles that Glue is given."""

from __future__ import annotations

from include.local_aws.iam import roles
from include.local_aws.runtime import ACCOUNT_ID


def arn_of(role: str) -> str:
    """A role's ARN; a job or a crawler may name it without."""
    return role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT_ID}:role/{role}"


def can_be_taken(role: str) -> bool:
    """Whether there is a role and Glue may take it."""
    return roles.can_be_taken(arn_of(role), "glue.amazonaws.com")
