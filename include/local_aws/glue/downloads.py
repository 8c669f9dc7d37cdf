"""What a job needs of S3 before it can run."""

from __future__ import annotations

from pathlib import Path

from botocore.exceptions import ClientError

from include.local_aws.glue.launch_error import LaunchError
from include.local_aws.runtime import Runtime
from include.local_aws.s3.uris import download, split_uri


def bring(runtime: Runtime, role: str, uri: str, target: Path) -> None:
    """
    Download what a job needs before it can run.

    :raises LaunchError: in AWS's words, as its users quote them.
    """
    try:
        download(runtime.client("s3", role=role), uri, target)
    except ClientError as error:
        bucket, key = split_uri(uri)
        said, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise LaunchError(
            f"LAUNCH ERROR | Error downloading from S3 for bucket: {bucket}, key: {key}.{said['Message']} "
            f"(Service: Amazon S3; Status Code: {status}; Please refer logs for details."
        ) from error
    except ValueError as error:
        raise LaunchError(f"LAUNCH ERROR | {error}") from error
