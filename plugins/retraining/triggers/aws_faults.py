"""Tells AWS's passing faults from those that waiting does not mend."""

from __future__ import annotations

from enum import Enum

from botocore.exceptions import (
    ClientError,
    HTTPClientError,
    NoRegionError,
    ParamValidationError,
    SSLError,
)


class Fault(Enum):
    """What a wait makes of an error of AWS or of the way there."""

    THROTTLING = "throttling"
    """AWS asks to slow down."""
    PASSING = "passing"
    """A server's fault or a broken line: the same call works some day."""
    STUBBORN = "stubborn"
    """Usually passes within minutes, such as credentials that a metadata service does not give just now."""
    HOPELESS = "hopeless"
    """Waiting does not mend it."""


# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_THROTTLING = {
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "KmsThrottlingException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
}
# What an identity may not do, and what is asked for wrongly. Any other error gets its minutes: tokens are
# refreshed, clocks set, identity providers restarted.
_HOPELESS = {
    "AccessDenied",
    "AccessDeniedException",
    "ExecutionDoesNotExist",
    "InvalidArn",
    "KmsAccessDeniedException",
    "NotAuthorized",
    "OptInRequired",
    "ResourceNotFound",
    "StateMachineDoesNotExist",
    "StateMachineTypeNotSupported",
    "UnknownOperationException",
    "ValidationError",
    "ValidationException",
}
_HOPELESS_HERE = (NoRegionError, ParamValidationError)


def kind_of(error: Exception) -> Fault:
    """Say whether the same call may work later."""
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _THROTTLING:
            return Fault.THROTTLING
        if status >= 500:
            return Fault.PASSING
        return Fault.HOPELESS if code in _HOPELESS else Fault.STUBBORN
    if isinstance(error, _HOPELESS_HERE):
        return Fault.HOPELESS
    if isinstance(error, SSLError):
        return Fault.STUBBORN
    return Fault.PASSING if isinstance(error, HTTPClientError | OSError | TimeoutError) else Fault.STUBBORN
