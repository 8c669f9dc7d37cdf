"""Brings what jobs read from S3 to where they run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from moto.sagemaker.exceptions import ValidationError

from include.local_aws.s3.uris import download, download_prefix, split_uri


class DataDownloadError(Exception):
    """What a job reads could not be brought to its instance."""


def bring(s3: Any, source: Mapping[str, Any], folder: Path, where: str) -> None:
    """
    Download what an S3DataSource or S3Input names.

    :param source: its S3DataType and S3Uri.
    :param folder: where to.
    :param where: what reads it, to be said when it is not there.
    :raises DataDownloadError: when there is nothing, or it may not be read.
    """
    uri = source["S3Uri"]
    try:
        if source.get("S3DataType") == "ManifestFile":
            count = _bring_listed(s3, uri, folder)
        else:
            count = download_prefix(s3, uri, folder)
    except (ClientError, ValueError, KeyError, TypeError) as error:
        raise DataDownloadError(f"{where}, {uri}: {error}") from error
    if not count:
        raise DataDownloadError(f'{where}, No S3 objects found under S3 URL "{uri}"')


def require_data(s3: Any, uri: str, *, role: str, region: str) -> None:
    """
    Refuse an S3 prefix below which there is nothing that the role may list.

    The words are AWS's own, as aws/amazon-sagemaker-examples#2267 and #2489 quote them.

    :raises ValidationError: naming it.
    """
    try:
        bucket, prefix = split_uri(uri)
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)["KeyCount"]
    except (ClientError, ValueError):
        bucket, found = uri, 0
    if not found:
        raise ValidationError(
            message=f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure '
            f"that the bucket exists in the selected region ({region}), that objects exist under that S3 "
            f'prefix, and that the role "{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
        )


def _bring_listed(s3: Any, uri: str, folder: Path) -> int:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html, S3Uri: a list that
    # begins with the prefix of all the names that follow.
    bucket, key = split_uri(uri)
    head, *names = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    prefix = head["prefix"]
    for name in names:
        if ".." in Path(name).parts:
            raise ValueError(f"{name} is not below {prefix}")
        download(s3, f"{prefix}{name}", folder / name.lstrip("/"))
    return len(names)
