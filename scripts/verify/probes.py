"""Asking AWS, and waiting until its answer is true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError

# So long an answer may lag behind before it is called wrong.
PATIENCE_SECONDS = 60
NEVER = float("inf")

T = TypeVar("T")


def answer(call: Callable[[], object]) -> str:
    """Give the code and the message of an error, or ``accepted``."""
    try:
        call()
    except ClientError as error:
        return f"{error.response['Error']['Code']}: {error.response['Error'].get('Message', '')}"
    return "accepted"


def until(is_so: Callable[[], object], seconds: float = PATIENCE_SECONDS, pause: float = 0.5) -> float:
    """Seconds until it is so, :data:`NEVER` when it never was; an error of AWS is not so."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        try:
            if is_so():
                return round(time.monotonic() - began, 1)
        except ClientError:
            pass
        time.sleep(pause)
    return NEVER


def patiently(call: Callable[[], T]) -> T:
    """
    Call until AWS takes it: what was made a moment ago may not be known everywhere.

    :raises ClientError: the last one, when the patience is over
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return call()
        except ClientError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
