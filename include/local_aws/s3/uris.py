"""Reading and writing S3 URIs."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def split_uri(uri: str) -> tuple[str, str]:
    """
    Bucket and key of an S3 URI.

    :raises ValueError: when it is not one.
    """
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"{uri!r} is not an S3 URI; expected s3://bucket/key")
    return parts.netloc, parts.path.lstrip("/")


def download(s3: Any, uri: str, target: Path) -> None:
    """Download one object."""
    bucket, key = split_uri(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def download_prefix(s3: Any, uri: str, folder: Path) -> int:
    """
    Download every object under a prefix, keeping the paths below it.

    :return: how many objects there were.
    """
    bucket, prefix = split_uri(uri)
    count = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            if item["Key"].endswith("/"):
                continue
            below = item["Key"][len(prefix) :].lstrip("/") or item["Key"].rsplit("/", 1)[-1]
            download(s3, f"s3://{bucket}/{item['Key']}", folder / below)
            count += 1
    return count


def upload(s3: Any, path: Path, uri: str) -> None:
    """Upload one file."""
    bucket, key = split_uri(uri)
    s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
