"""The bucket that the stack's code lies in: what it lacks, and making it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from include.aws_code import CodeObject
from scripts.aws_stack import DeploymentError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def missing_objects(
    s3: S3Client, bucket: str, owner: str, objects: Mapping[str, CodeObject]
) -> list[CodeObject] | None:
    """
    Return what the bucket lacks; None when there is no such bucket.

    :param owner: the account that it has to be of; names are everybody's, and can be guessed
    :raises DeploymentError: when it is not
    """
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=owner)
    except ClientError as error:
        if error.response["Error"]["Code"] == "404":
            return None
        if error.response["Error"]["Code"] == "403":
            raise DeploymentError(
                f"code bucket {bucket}: it belongs to another account than {owner}, or you may not list it"
                " (s3:ListBucket); a stack of another name has a bucket of another name"
            ) from None
        raise
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, ExpectedBucketOwner=owner)
    there = {item["Key"] for page in pages for item in page.get("Contents", [])}
    return [item for item in objects.values() if item.key not in there]


def upload(s3: S3Client, bucket: str, owner: str, objects: Iterable[CodeObject]) -> None:
    """Put code into the bucket of this account."""
    for item in objects:
        s3.put_object(Bucket=bucket, Key=item.key, Body=item.content, ExpectedBucketOwner=owner)


def create_bucket(s3: S3Client, bucket: str) -> None:
    """Create the code bucket; nobody outside the account reads it."""
    region = s3.meta.region_name
    if region == "us-east-1":  # which S3 refuses to be named
        s3.create_bucket(Bucket=bucket)
    else:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item]
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    )
