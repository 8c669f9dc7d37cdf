"""S3, over moto: names of buckets, of which moto checks the length alone, and what EventBridge is told.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

from __future__ import annotations

import re
from typing import Any

from moto.s3.exceptions import InvalidBucketName
from moto.s3.models import FakeBucket, S3Backend

from include.local_aws.runtime import Runtime
from include.local_aws.s3 import notifications

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def install(_runtime: Runtime) -> None:
    """Put the corrections in place."""
    notifications.install()
    create = S3Backend.create_bucket

    def create_bucket(backend: S3Backend, bucket_name: str, *arguments: Any, **others: Any) -> FakeBucket:
        allowed = _NAME.fullmatch(bucket_name) and ".." not in bucket_name
        if not allowed or bucket_name.startswith(_PREFIXES) or bucket_name.endswith(_SUFFIXES):
            raise InvalidBucketName
        return create(backend, bucket_name, *arguments, **others)

    S3Backend.create_bucket = create_bucket
