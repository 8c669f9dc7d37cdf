"""One wait for one execution: what it has seen, what it has been told, and how it ended."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

# An end is noticed in a fraction of the time it took to come; long executions cost few calls.
MIN_POLL_SECONDS = 1.0
MAX_POLL_SECONDS = 30.0
POLL_SHARE = 0.02
JITTER = 0.1
HISTORY_SECONDS = 60.0
# DescribeExecution is eventually consistent; no document says by how much.
UNKNOWN_SECONDS = 60.0
# For faults that usually pass: metadata services that hiccup, credentials that are being replaced.
PATIENCE_SECONDS = 300.0


@dataclass(eq=False)
class Wait:
    """One wait for one execution.

    :param poll_seconds: fixed seconds between polls; None adapts to how long the wait takes.
    :param follow: whether to read the execution's history while it runs.
    :param redrive_count: an end of a lower redriveCount is of before the redrive, and is ignored.
    """

    execution_arn: str
    poll_seconds: float | None = None
    follow: bool = False
    redrive_count: int = 0
    since: float = field(default_factory=time.monotonic)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    seen: bool = False
    first_redrive_count: int | None = None
    unknown_since: float | None = None
    faulty_since: float | None = None
    seen_event: int = 0
    next_history: float = 0.0
    events: list[Mapping[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ended: Mapping[str, Any] | None = None
    error: Exception | None = None
    was_over_at_first_look: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        # Spread out, so that waits that begin together do not read together.
        self.next_history = self.since + HISTORY_SECONDS * random.uniform(1, 1.5)  # noqa: S311

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self.ended is not None or self.error is not None

    def interval(self, now: float) -> float:
        """Seconds from a poll at ``now`` until this wait wants the next one."""
        if self.poll_seconds is not None:
            return self.poll_seconds
        return min(max((now - self.since) * POLL_SHARE, MIN_POLL_SECONDS), MAX_POLL_SECONDS)

    def runs(self, execution: Mapping[str, Any]) -> None:
        """The execution was seen to run."""
        if self.first_redrive_count is None:
            self.first_redrive_count = max(execution.get("redriveCount", 0), self.redrive_count)
        self.seen = True
        self.unknown_since = self.faulty_since = None

    def end(self, execution: Mapping[str, Any]) -> None:
        """The execution has ended, unless this is how it was before its redrive."""
        if execution.get("redriveCount", 0) < self.redrive_count:
            self.runs(execution)
            return
        # The list may show an execution after its end: then only its dates say that it was over.
        stopped = execution.get("stopDate")
        self.was_over_at_first_look = not self.seen or bool(stopped and stopped < self.began)
        self.ended = execution
        self.changed.set()

    def is_unknown(self, now: float, error: Exception) -> None:
        """AWS does not know the execution; it may yet, when it has just begun."""
        if self.unknown_since is None:
            self.unknown_since = now
            self.tell(f"AWS does not know {self.execution_arn} yet; asking again")
        if now - self.unknown_since >= UNKNOWN_SECONDS:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Waiting on is in vain."""
        self.error = error
        self.changed.set()

    def ride_out(self, error: Exception, now: float, *, limited: bool) -> None:
        """Go on in spite of a fault that may pass; one that is ``limited`` ends the wait after minutes."""
        self.faulty_since = now if self.faulty_since is None else self.faulty_since
        if limited and (lasted := now - self.faulty_since) >= PATIENCE_SECONDS:
            self.fail(RuntimeError(f"AWS could not be asked for {lasted / 60:.0f} minutes: {error}"))
            return
        self.tell(f"{type(error).__name__}: {error}; asking again")

    def tell(self, note: str) -> None:
        """Have a line written to the log of the task that waits."""
        self.notes.append(note)
        self.changed.set()
