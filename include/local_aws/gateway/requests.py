"""Counts the requests of each operation."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any


class Requests:
    """How often each operation was asked for, and how often that was refused as too often."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._throttled: Counter[str] = Counter()

    def count(self, operation: str) -> None:
        with self._lock:
            self._counts[operation] += 1

    def count_throttled(self, operation: str) -> None:
        with self._lock:
            self._throttled[operation] += 1

    def described(self) -> dict[str, Any]:
        with self._lock:
            return {"counts": dict(self._counts), "throttled": dict(self._throttled)}

    def reset(self) -> None:
        with self._lock:
            self._counts.clear()
            self._throttled.clear()
