"""Reads what running executions have done, for the logs of those who wait; it is never worth a wait."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from typing import Any

from retraining.triggers import wait as waiting
from retraining.triggers.aws_faults import Fault, kind_of
from retraining.triggers.rate_limit import TokenBucket
from retraining.triggers.wait import Wait

PARALLEL_READS = 4
IDLE_SECONDS = 1.0


async def follow(client: Any, waits: Callable[[], Iterable[Wait]], quota: TokenBucket) -> None:
    """Read histories until cancelled, those first that have waited longest.

    Beside the poll loop, and a few at a time: over the quota the log is late.

    :param waits: gives the waits there are now.
    """
    free = asyncio.Semaphore(PARALLEL_READS)
    async with asyncio.TaskGroup() as reads:
        while True:
            now = time.monotonic()
            due = [wait for wait in waits() if wait.follow and now >= wait.next_history]
            for wait in sorted(due, key=lambda wait: wait.next_history):
                await free.acquire()
                await quota.take()
                seconds = waiting.HISTORY_SECONDS * random.uniform(1, 1 + waiting.JITTER)  # noqa: S311
                wait.next_history = time.monotonic() + seconds
                reads.create_task(_read(client, wait, quota)).add_done_callback(lambda _: free.release())
            if not due:
                await asyncio.sleep(min(IDLE_SECONDS, waiting.HISTORY_SECONDS))


async def _read(client: Any, wait: Wait, quota: TokenBucket) -> None:
    if wait.is_over:
        return
    try:
        page = await client.get_execution_history(
            executionArn=wait.execution_arn, reverseOrder=True, maxResults=100, includeExecutionData=False
        )
    except Exception as error:  # noqa: BLE001 - a log must not end what it is about
        _miss(wait, error, quota)
        return
    fresh = [event for event in page["events"] if event["id"] > wait.seen_event]
    if fresh:
        wait.seen_event = fresh[0]["id"]
        wait.events.extend(reversed(fresh))
        wait.changed.set()


def _miss(wait: Wait, error: Exception, quota: TokenBucket) -> None:
    match kind_of(error):
        case Fault.THROTTLING:
            quota.drain()
        # A history may be unknown for a moment, as its execution may be.
        case Fault.HOPELESS if "DoesNotExist" not in str(error):
            wait.follow = False
            wait.tell(f"Its states are not followed: {error}")
