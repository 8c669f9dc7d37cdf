"""
What reading a key that is not there needs: without the right to list its bucket, S3 does not say so.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html, and GetObject's: 404 with s3:ListBucket,
403 without. The request has no prefix, so a condition on s3:prefix does not hold for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from moto.s3.models import s3_backends

from include.local_aws.iam.policy import Need
from include.local_aws.operations import Operation
from include.local_aws.runtime import ACCOUNT_ID
from include.local_aws.validation.constraints import Parameters


def missing_key_needs(operation: Operation, parameters: Parameters) -> Iterator[Need]:
    """Say what a request needs beyond its own action when its key is not there."""
    if str(operation) not in ("s3.HeadObject", "s3.GetObject"):
        return
    bucket = s3_backends[ACCOUNT_ID]["aws"].buckets.get(parameters["Bucket"])
    if bucket is not None and parameters["Key"] not in bucket.keys:
        yield Need("s3:ListBucket", f"arn:aws:s3:::{bucket.name}")
