"""The code that AWS runs: the ETL script and the functions, as objects whose keys say their content."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from scripts.airflow_settings import PROJECT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

INCLUDE = PROJECT / "include"
# The functions' folders, by the template's parameters.
FUNCTIONS = {"MetricsFunctionKey": "training_metrics", "EndpointTestFunctionKey": "endpoint_test"}
# Every entry of a zip gets this time, so that equal code makes equal archives.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class CodeObject:
    """An object of the code bucket; its key holds a hash of the content, so that new code is an update."""

    key: str
    content: bytes


def code_objects() -> dict[str, CodeObject]:
    """Return the code by the template's parameters that take its keys."""
    script = (INCLUDE / "glue" / "transform.py").read_bytes()
    objects = {"GlueScriptKey": CodeObject(f"glue/transform-{_digest(script)}.py", script)}
    for parameter, name in FUNCTIONS.items():
        archive = _zip(INCLUDE / "lambdas" / name)
        objects[parameter] = CodeObject(f"lambda/{name}-{_digest(archive)}.zip", archive)
    return objects


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


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _zip(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.py")):
            archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder)), ZIP_TIME), path.read_bytes())
    return buffer.getvalue()
