"""The clock of schedules, metrics and alarms. It can be put forward, so that nobody has to wait."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """The time of day, and how far it was put forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._changed = threading.Condition()

    def now(self) -> datetime:
        """What it shows, in UTC."""
        return datetime.now(UTC) + self._ahead

    def put_forward(self, seconds: float) -> None:
        """Let so many seconds pass at once; not for executions and jobs, which go on as they did."""
        with self._changed:
            self._ahead += timedelta(seconds=seconds)
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is put forward."""
        with self._changed:
            self._changed.wait(seconds)


clock = Clock()
