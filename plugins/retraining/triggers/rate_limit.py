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

    def _refill(self) -> None:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now

    def try_take(self) -> bool:
        """Take a token if there is one."""
        self._refill()
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
        self._refill()
        self._tokens = 0.0


# AWS gives these regions more than the others.
_LARGE_REGIONS = {"us-east-1", "us-west-2", "eu-west-1"}


class Quotas:
    """An account's request quotas in a region, some of which is left to others.

    AWS's own, at once and a second: DescribeExecution 300 and 15 (250 and 10 in most regions), ListExecutions
    200 and 5 (100 and 2), GetExecutionHistory 400 and 20
    (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).

    :param region: the region whose quotas they are.
    """

    def __init__(self, region: str) -> None:
        large = region in _LARGE_REGIONS
        self.describe = TokenBucket(rate=12, burst=200) if large else TokenBucket(rate=8, burst=160)
        self.list = TokenBucket(rate=4, burst=100) if large else TokenBucket(rate=1.6, burst=50)
        self.history = TokenBucket(rate=10, burst=200)

    def drain(self) -> None:
        """Slow down: AWS has throttled a poll."""
        self.describe.drain()
        self.list.drain()
