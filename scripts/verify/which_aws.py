"""Which AWS answers: Amazon's, or one that only stands in for it and so confirms nothing of Amazon's."""

from __future__ import annotations

from urllib.parse import urlsplit

from scripts.aws_account import Account

SERVICES = ("cloudformation", "dynamodb", "glue", "iam", "s3", "sagemaker", "stepfunctions", "sts")
# The domains of AWS's partitions, VPC endpoints included.
AMAZONS = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws", ".aws.dev")


def stand_in(account: Account) -> str:
    """Return the address of what stands in for AWS in any of the services; empty when all are Amazon's."""
    for service in SERVICES:
        url = str(account.session.client(service).meta.endpoint_url)  # type: ignore[call-overload]
        if not (urlsplit(url).hostname or "").endswith(AMAZONS):
            return url
    return ""


def described(account: Account) -> str:
    """Say which AWS was seen, as a heading of what it did."""
    url = stand_in(account)
    if url:
        return f"seen at {url}, which only stands in for AWS: this confirms nothing of Amazon's"
    return f"seen on Amazon's own AWS, account {account.number}, region {account.region}"
