"""The account that a command is about to change, and the question whether it shall."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from scripts.aws_stack import DeploymentError


@dataclass(frozen=True)
class Account:
    """Where the AWS SDK's usual settings lead (AWS_PROFILE, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL...)."""

    session: boto3.Session
    number: str
    principal: str

    @property
    def region(self) -> str:
        """Such as ``us-east-1``."""
        return str(self.session.region_name)

    def __str__(self) -> str:
        return f"account {self.number}, region {self.region}, as {self.principal}"


def connect() -> Account:
    """
    Find out which account it is.

    :raises DeploymentError: when no region is set, or AWS cannot be reached or knows no such credentials
    """
    try:
        # boto3 reads AWS_DEFAULT_REGION only; the newer aws command, and the other SDKs, this one too.
        session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
        if not session.region_name:
            raise DeploymentError(
                "no region: set AWS_DEFAULT_REGION, or AWS_PROFILE to a profile that has one"
            )
        identity = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(f"AWS: {error}") from None
    return Account(session, identity["Account"], identity["Arn"])


def confirmed(question: str, *, yes: bool) -> bool:
    """
    Ask; nothing but the word yes is one.

    :param yes: the answer is known already
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        print("nobody is there to ask; YES=1 says yes beforehand")
        return False
    return input(f"{question} [yes/no] ").strip().lower() == "yes"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Align rows in columns, indented."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    lines = (
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
