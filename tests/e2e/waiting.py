"""Waiting for a condition instead of for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], *, timeout_s: float, what: str, interval_s: float = 0.3) -> T:
    """
    Poll until a condition holds, and return what made it hold.

    :param condition: polled; holds when its result is true
    :param timeout_s: seconds to wait at most
    :param what: what is waited for, for the message
    :param interval_s: seconds between polls
    :raises TimeoutError: when the condition has not held in time
    """
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s:.0f} s; last seen {result!r}")
        time.sleep(interval_s)
    return result
