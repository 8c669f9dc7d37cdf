"""One poll loop for all waits of a state machine in a triggerer.

A loop and a client a wait would cost a DescribeExecution a poll each. Here one ListExecutions (1,000 a page)
says which executions still run; only one that left that list costs a DescribeExecution.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from retraining.triggers import looking
from retraining.triggers import wait as waiting
from retraining.triggers.aws_faults import Fault, kind_of
from retraining.triggers.connection import PollerKey, connect
from retraining.triggers.following import follow
from retraining.triggers.rate_limit import Quotas
from retraining.triggers.wait import Wait

MAX_BACKOFF_SECONDS = 60.0


class ExecutionPoller:
    """Polls for all waits that share a key; runs while there are any.

    :param quota: what it shares with the other pollers of its account and region.
    :param at_end: called when nobody may join it any more.
    """

    def __init__(self, key: PollerKey, quota: Quotas, at_end: Callable[[ExecutionPoller], None]) -> None:
        self.key = key
        self._quota = quota
        self._at_end = at_end
        self._waits: dict[str, list[Wait]] = defaultdict(list)
        self._task: asyncio.Task[None] | None = None
        self._joined = asyncio.Event()
        self._polled_at = float("-inf")
        self._failures = 0

    def join(self, wait: Wait) -> None:
        """Add a wait; the first one starts the loop."""
        self._waits[wait.execution_arn].append(wait)
        self._joined.set()
        if self._task is None:
            # In a context of its own: whatever it logs is no matter of the wait that happens to start it.
            self._task = asyncio.get_running_loop().create_task(
                self._run(), name=f"poll {self.key.state_machine_arn}", context=contextvars.Context()
            )

    def leave(self, wait: Wait) -> None:
        """Take a wait away; the poller ends with the last one."""
        waits = self._waits.get(wait.execution_arn, [])
        if wait in waits:
            waits.remove(wait)
        if not waits:
            self._waits.pop(wait.execution_arn, None)
        if not self._waits and self._task:
            self._at_end(self)
            self._task.cancel()

    def _all(self) -> Iterator[Wait]:
        return (wait for waits in list(self._waits.values()) for wait in list(waits))

    async def _run(self) -> None:
        try:
            while self._waits:
                try:
                    async with await self._connect() as client:
                        await self._poll_and_follow(client)
                except Exception as error:  # noqa: BLE001 - a wait must outlive every fault that may pass
                    self._judge(list(self._waits), error)
                if self._waits:
                    await self._back_off()
        finally:
            self._at_end(self)
            for wait in self._all():
                wait.fail(RuntimeError("the poller was stopped"))

    async def _connect(self) -> Any:
        return await connect(self.key)

    async def _poll_and_follow(self, client: Any) -> None:
        """Poll until nobody waits any more, or the client answers nothing."""
        following = asyncio.create_task(follow(client, self._all, self._quota.history))
        try:
            while self._waits:
                await self._pause()
                if not await self._poll(client):
                    return
                self._failures = 0
        finally:
            following.cancel()
            await asyncio.wait([following])

    async def _pause(self) -> None:
        """Until a wait wants a poll; a new one does at once, but polls are a second apart."""
        soonest = min(
            wait.interval(self._polled_at) if wait.seen else waiting.MIN_POLL_SECONDS for wait in self._all()
        )
        due = self._polled_at + soonest * random.uniform(1 - waiting.JITTER, 1 + waiting.JITTER)  # noqa: S311
        while (left := due - time.monotonic()) > 0:
            self._joined.clear()
            try:
                await asyncio.wait_for(self._joined.wait(), left)
            except TimeoutError:
                break
            due = min(due, self._polled_at + waiting.MIN_POLL_SECONDS)
        self._polled_at = time.monotonic()

    async def _poll(self, client: Any) -> bool:
        """Look at every wait once; False when not one of them could be looked at."""
        running = await looking.running(client, self.key.state_machine_arn, self._quota.list)
        for arn in running.keys() & self._waits.keys():
            for wait in self._waits[arn]:
                wait.runs(running[arn])
        gone = [arn for arn in self._waits if arn not in running]
        all_gone = len(gone) == len(self._waits)
        answered = await looking.describe(client, gone, self._quota.describe, self._see)
        return any(answered) or not all_gone

    def _see(self, arn: str, answer: Mapping[str, Any] | Exception) -> bool:
        if isinstance(answer, Exception):
            return self._judge([arn], answer)
        for wait in self._waits.get(arn, []):
            # The list is eventually consistent: an execution that has just begun may not be on it yet.
            if answer["status"] in ("RUNNING", "PENDING_REDRIVE"):
                wait.runs(answer)
            else:
                wait.end(answer)
        self._let_go([arn])
        return True

    def _judge(self, affected: Iterable[str], error: Exception) -> bool:
        """Tell waits of a fault, or end them with it; whether AWS has given an answer with it."""
        affected, now, kind = list(affected), time.monotonic(), kind_of(error)
        is_unknown = isinstance(error, ClientError) and (
            error.response["Error"]["Code"] == "ExecutionDoesNotExist"
        )
        if kind is Fault.THROTTLING:
            self._quota.drain()
        for wait in [wait for arn in affected for wait in self._waits.get(arn, [])]:
            if is_unknown:
                wait.is_unknown(now, error)
            elif kind is Fault.HOPELESS:
                wait.fail(error)
            else:
                wait.ride_out(error, now, limited=kind is Fault.STUBBORN)
        self._let_go(affected)
        return kind is Fault.HOPELESS

    def _let_go(self, arns: Iterable[str]) -> None:
        for arn in arns:
            left = [wait for wait in self._waits.get(arn, []) if not wait.is_over]
            if left:
                self._waits[arn] = left
            else:
                self._waits.pop(arn, None)

    async def _back_off(self) -> None:
        self._failures += 1
        backoff = min(2.0 ** min(self._failures, 10), MAX_BACKOFF_SECONDS)
        await asyncio.sleep(random.uniform(backoff / 2, backoff))  # noqa: S311
