"""Keeps calls below AWS's request quotas."""

from __future__ import annotations

import asyncio
import time


class TokenBucket:
    """A token bucket like the ones AWS throttles with: ``burst`` calls at once, then ``rate`` a second.

    :param rate: tokens added a second.
    :param burst: tokens the bucket holds.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._at = time.monotonic()

    def try_take(self) -> bool:
        """Take a token if there is one."""
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    async def take(self) -> None:
        """Wait for a token."""
        while not self.try_take():
            await asyncio.sleep((1 - self._tokens) / self._rate)

    def drain(self) -> None:
        """Empty the bucket: AWS has just throttled, so others use the same quota."""
        self._tokens = 0.0
