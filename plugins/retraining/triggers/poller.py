"""One poll loop for all waits of a state machine in a triggerer.

A loop and a client a wait would cost a DescribeExecution a poll each. Here one ListExecutions (1,000 a page)
says which executions still run; only one that left that list costs a DescribeExecution.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from airflow.providers.amazon.aws.hooks.step_function import StepFunctionHook

from retraining.triggers import aws_faults
from retraining.triggers.rate_limit import TokenBucket

log = logging.getLogger(__name__)

# An end is noticed in a fraction of the time it took to come; long executions cost few calls.
MIN_POLL_SECONDS = 1.0
MAX_POLL_SECONDS = 30.0
POLL_SHARE = 0.02
JITTER = 0.1
HISTORY_SECONDS = 60.0
MAX_BACKOFF_SECONDS = 60.0
PARALLEL_DESCRIBES = 16


class PollerKey(NamedTuple):
    """What waits have to have in common to share a poller."""

    state_machine_arn: str
    aws_conn_id: str | None
    region_name: str | None


class Quotas:
    """An account's request quotas in a region, some of which is left to others.

    AWS's own: DescribeExecution 300 at once and 15 a second, ListExecutions 200 and 5, GetExecutionHistory
    400 and 20 (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
    """

    def __init__(self) -> None:
        self.describe = TokenBucket(rate=12, burst=200)
        self.list = TokenBucket(rate=4, burst=100)
        self.history = TokenBucket(rate=10, burst=200)


@dataclass(eq=False)
class Wait:
    """One wait for one execution.

    :param poll_seconds: fixed seconds between polls; None adapts to how long the wait takes.
    :param follow: whether to read the execution's history while it runs.
    """

    execution_arn: str
    poll_seconds: float | None = None
    follow: bool = False
    since: float = field(default_factory=time.monotonic)
    looks: int = 0
    seen_event: int = 0
    next_history: float = 0.0
    events: list[Mapping[str, Any]] = field(default_factory=list)
    ended: Mapping[str, Any] | None = None
    error: Exception | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        # Spread out, so that waits that begin together do not read together.
        self.next_history = self.since + HISTORY_SECONDS * random.uniform(1, 1.5)  # noqa: S311

    @property
    def was_over_at_first_look(self) -> bool:
        """Whether the execution had ended before this wait could see it run."""
        return self.looks == 1

    def interval(self, now: float) -> float:
        """Seconds from a poll at ``now`` until this wait wants the next one."""
        if self.poll_seconds is not None:
            return self.poll_seconds
        return min(max((now - self.since) * POLL_SHARE, MIN_POLL_SECONDS), MAX_POLL_SECONDS)


class ExecutionPoller:
    """Polls for all waits that share a key; runs while there are any."""

    _pollers: ClassVar[dict[tuple[int, PollerKey], ExecutionPoller]] = {}
    _quotas: ClassVar[dict[tuple[int, str | None, str | None], Quotas]] = defaultdict(Quotas)

    def __init__(self, key: PollerKey) -> None:
        self.key = key
        self._waits: dict[str, list[Wait]] = defaultdict(list)
        self._task: asyncio.Task[None] | None = None
        self._joined = asyncio.Event()
        self._polled_at = float("-inf")
        self._failures = 0
        loop = id(asyncio.get_running_loop())
        self._quota = self._quotas[loop, key.aws_conn_id, key.region_name]

    @classmethod
    def join(cls, key: PollerKey, wait: Wait) -> ExecutionPoller:
        """Add a wait to the poller of its key, starting one when there is none."""
        identity = (id(asyncio.get_running_loop()), key)
        poller = cls._pollers.get(identity)
        if poller is None:
            poller = cls._pollers[identity] = cls(key)
            poller._task = asyncio.create_task(poller._run(), name=f"poll {key.state_machine_arn}")
        poller._waits[wait.execution_arn].append(wait)
        poller._joined.set()
        return poller

    def leave(self, wait: Wait) -> None:
        """Take a wait away; the poller ends with the last one."""
        waits = self._waits.get(wait.execution_arn, [])
        if wait in waits:
            waits.remove(wait)
        if not waits:
            self._waits.pop(wait.execution_arn, None)
        if not self._waits and self._task:
            self._retire()
            self._task.cancel()

    def _retire(self) -> None:
        identity = (id(asyncio.get_running_loop()), self.key)
        if self._pollers.get(identity) is self:
            del self._pollers[identity]

    async def _run(self) -> None:
        try:
            while self._waits:
                try:
                    async with await self._connect() as client:
                        await self._poll(client)
                except Exception as error:  # noqa: BLE001 - a wait must outlive every fault that may pass
                    await self._ride_out(error)
        finally:
            self._retire()
            for waits in self._waits.values():
                for wait in waits:
                    wait.error = wait.error or RuntimeError("the poller was stopped")
                    wait.changed.set()

    async def _connect(self) -> Any:
        hook = StepFunctionHook(aws_conn_id=self.key.aws_conn_id, region_name=self.key.region_name)
        return await hook.get_async_conn()  # type: ignore[no-untyped-call]

    async def _poll(self, client: Any) -> None:
        while self._waits:
            await self._pause()
            running = await self._running(client)
            for waits in self._waits.values():
                for wait in waits:
                    wait.looks += 1
            await self._describe_all(client, [arn for arn in self._waits if arn not in running])
            await self._follow(client)
            self._failures = 0

    async def _pause(self) -> None:
        """Until a wait wants a poll; a new one does at once, but polls are a second apart."""
        waits = [wait for waits in self._waits.values() for wait in waits]
        soonest = min(wait.interval(self._polled_at) if wait.looks else MIN_POLL_SECONDS for wait in waits)
        due = self._polled_at + soonest * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        while (left := due - time.monotonic()) > 0:
            self._joined.clear()
            try:
                await asyncio.wait_for(self._joined.wait(), left)
            except TimeoutError:
                break
            due = min(due, self._polled_at + MIN_POLL_SECONDS)
        self._polled_at = time.monotonic()

    async def _running(self, client: Any) -> set[str]:
        running: set[str] = set()
        request = {
            "stateMachineArn": self.key.state_machine_arn,
            "statusFilter": "RUNNING",
            "maxResults": 1000,
        }
        while True:
            await self._quota.list.take()
            page = await client.list_executions(**request)
            running.update(execution["executionArn"] for execution in page["executions"])
            if "nextToken" not in page:
                return running
            request["nextToken"] = page["nextToken"]

    async def _describe_all(self, client: Any, arns: list[str]) -> None:
        gate = asyncio.Semaphore(PARALLEL_DESCRIBES)
        done = await asyncio.gather(
            *(self._describe(client, arn, gate) for arn in arns), return_exceptions=True
        )
        for error in done:
            if error is not None:
                raise error

    async def _describe(self, client: Any, arn: str, gate: asyncio.Semaphore) -> None:
        async with gate:
            await self._quota.describe.take()
            try:
                execution = await client.describe_execution(executionArn=arn)
            except Exception as error:
                if aws_faults.passes(error):
                    raise
                self._finish(arn, error=error)
                return
        # The list is eventually consistent: an execution that has just begun may not be on it yet.
        if execution["status"] not in ("RUNNING", "PENDING_REDRIVE"):
            self._finish(arn, ended=execution)

    def _finish(
        self, arn: str, *, ended: Mapping[str, Any] | None = None, error: Exception | None = None
    ) -> None:
        for wait in self._waits.pop(arn, []):
            wait.ended, wait.error = ended, error
            wait.changed.set()

    async def _follow(self, client: Any) -> None:
        now = time.monotonic()
        for wait in [wait for waits in self._waits.values() for wait in waits]:
            # Over the quota the log is late; it is never worth a wait.
            if wait.follow and now >= wait.next_history and self._quota.history.try_take():
                wait.next_history = now + HISTORY_SECONDS * random.uniform(1, 1 + JITTER)  # noqa: S311
                await self._read_history(client, wait)

    async def _read_history(self, client: Any, wait: Wait) -> None:
        page = await client.get_execution_history(
            executionArn=wait.execution_arn, reverseOrder=True, maxResults=100, includeExecutionData=False
        )
        fresh = [event for event in page["events"] if event["id"] > wait.seen_event]
        if fresh:
            wait.seen_event = fresh[0]["id"]
            wait.events.extend(reversed(fresh))
            wait.changed.set()

    async def _ride_out(self, error: Exception) -> None:
        if not aws_faults.passes(error):
            for arn in list(self._waits):
                self._finish(arn, error=error)
            return
        if aws_faults.is_throttling(error):
            self._quota.describe.drain()
            self._quota.list.drain()
        self._failures += 1
        backoff = min(2.0 ** min(self._failures, 10), MAX_BACKOFF_SECONDS)
        pause = random.uniform(backoff / 2, backoff)  # noqa: S311
        log.warning("%s: %s; polling again in %.0f s", self.key.state_machine_arn, error, pause)
        await asyncio.sleep(pause)
