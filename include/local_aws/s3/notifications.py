"""
What S3 tells EventBridge of a bucket's objects; nobody else is told here.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from moto.s3 import notifications as moto_notifications
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, FakeKey

from include.local_aws.events import bus
from include.local_aws.runtime import ACCOUNT_ID

# moto's events leave out half of what AWS says, and reach what no policy lets S3 reach.
REFUSED = ("TopicConfiguration", "QueueConfiguration", "CloudFunctionConfiguration")
# By moto's events, what AWS says beside the bucket and the key.
REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "s3:ObjectRemoved:Delete": "DeleteObject",
}


class UnsupportedDestinationError(S3ClientError):  # type: ignore[misc]
    """A notification that nothing would come of."""

    code = 400

    def __init__(self, name: str) -> None:
        super().__init__(
            "InvalidArgument", f"{name}: not supported by the embedded AWS; EventBridgeConfiguration is"
        )


def install() -> None:
    """Tell EventBridge through the bus that rules listen to, and refuse other destinations."""
    configure = FakeBucket.set_notification_configuration

    def set_notification_configuration(bucket: FakeBucket, config: dict[str, Any] | None) -> None:
        for name in REFUSED:
            if (config or {}).get(name):
                raise UnsupportedDestinationError(name)
        configure(bucket, config)

    FakeBucket.set_notification_configuration = set_notification_configuration
    moto_notifications._send_event_bridge_message = _tell


def _tell(_account_id: str, bucket: FakeBucket, event: str, key: FakeKey) -> None:
    name = str(getattr(event, "value", event))
    # moto also puts tags on whatever is created, of which AWS tells nothing.
    if name not in REASONS:
        return
    created = name != "s3:ObjectRemoved:Delete"
    about = {"key": key.name, "sequencer": f"{time.time_ns():016X}"}
    if created:
        about |= {"size": key.size, "etag": key.etag.strip('"')}
    if bucket.is_versioned:
        about["version-id"] = key.version_id
    detail = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": about,
        "request-id": secrets.token_hex(8).upper(),
        "requester": ACCOUNT_ID,
        "source-ip-address": "127.0.0.1",
        "reason": REASONS[name],
        **({} if created else {"deletion-type": "Permanently Deleted"}),
    }
    kind = "Object Created" if created else "Object Deleted"
    bus.publish("aws.s3", kind, detail, [bucket.arn], region=bucket.region_name)
