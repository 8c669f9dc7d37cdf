"""ExpectedBucketOwner, which moto does not read: a bucket of that name may be somebody else's.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

from __future__ import annotations

from typing import Any

from moto.s3.models import s3_backends

from include.local_aws.faults.kinds import FailCall
from include.local_aws.operations import Operation


def refusal(environ: dict[str, Any], operation: Operation) -> FailCall | None:
    """Why a request is refused, if it is: it says who owns the bucket, and somebody else does."""
    expected = environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER")
    if operation.service != "s3" or not expected:
        return None
    bucket = environ["PATH_INFO"].lstrip("/").partition("/")[0]
    _, owner = s3_backends.bucket_accounts.get(bucket, ("", expected))
    return None if owner == expected else FailCall(str(operation), "AccessDenied", 403, "Access Denied")
