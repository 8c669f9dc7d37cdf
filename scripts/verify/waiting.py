"""Waiting for AWS while things are removed."""

from __future__ import annotations

import time
from collections.abc import Callable

from botocore.exceptions import ClientError

WAIT_SECONDS = 1800
GONE = (
    "404",
    "NoSuchBucket",
    "NoSuchEntity",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "StateMachineDoesNotExist",
    "ValidationException",
)


class RemovalError(Exception):
    """Something could not be removed; the message says what is left, and why."""


def wait_until(is_so: Callable[[], bool], otherwise: str) -> None:
    """
    Ask every second.

    :raises RemovalError: when it is not so after half an hour
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise RemovalError(f"{otherwise} after {WAIT_SECONDS} s")
        time.sleep(1)


def unless_gone(call: Callable[[], object]) -> None:
    """Call; that there is no such thing is no error."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
