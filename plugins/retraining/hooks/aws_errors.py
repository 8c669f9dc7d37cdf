"""What AWS's errors mean; those of connection and credentials in one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowException
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ReadTimeoutError,
)

_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
}


class AwsUnavailableError(AirflowException):
    """AWS cannot be reached, or does not know or allow the credentials; trying again may help."""


@contextmanager
def clear_aws_errors(conn_id: str | None) -> Iterator[None]:
    """Say in one line what is wrong between Airflow and AWS.

    :param conn_id: the Airflow connection to look at, named in the message.
    :raises AwsUnavailableError: for connection and credential errors; others pass as they are.
    """
    try:
        yield
    except (EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError) as error:
        raise AwsUnavailableError(f"AWS cannot be reached (connection {conn_id!r}): {error}") from None
    except (NoCredentialsError, PartialCredentialsError, NoRegionError) as error:
        raise AwsUnavailableError(f"AWS connection {conn_id!r} is incomplete: {error}") from None
    except ClientError as error:
        if error.response["Error"]["Code"] not in _DENIED:
            raise
        raise AwsUnavailableError(f"AWS refuses connection {conn_id!r}: {error}") from None
    except BotoCoreError as error:
        raise AwsUnavailableError(f"AWS call failed (connection {conn_id!r}): {error}") from None


def is_gone(error: ClientError) -> bool:
    """Whether SageMaker says that there is no such thing: ``Could not find endpoint "..."``."""
    return "Could not find" in error.response["Error"].get("Message", "")
