"""The bucket that the stack's code lies in: what it lacks, and making it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from include.aws_code import CodeObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def missing_objects(s3: S3Client, bucket: str, objects: Mapping[str, CodeObject]) -> list[CodeObject] | None:
    """Return what the bucket lacks; None when there is no such bucket."""
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
        return None
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    there = {item["Key"] for page in pages for item in page.get("Contents", [])}
    return [item for item in objects.values() if item.key not in there]


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
