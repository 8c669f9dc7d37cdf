"""Tells AWS's passing faults from those that waiting does not mend."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)

_THROTTLING = {
    "ThrottlingException",
    "Throttling",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
}
# A new client reads the connection again, and so the refreshed credentials.
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnrecognizedClientException"}
_HOPELESS = (NoCredentialsError, NoRegionError, PartialCredentialsError, ParamValidationError)


def is_throttling(error: Exception) -> bool:
    """Whether AWS asks to slow down."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in _THROTTLING


def passes(error: Exception) -> bool:
    """Whether the same call may work later: throttling, a server's fault, a broken line, old credentials."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or is_throttling(error) or error.response["Error"]["Code"] in _EXPIRED
    if isinstance(error, BotoCoreError):
        return not isinstance(error, _HOPELESS)
    return isinstance(error, OSError | TimeoutError)
