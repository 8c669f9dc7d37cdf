"""What the waiting benchmark is told, and what it measures."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Setting:
    """What is the same for all sides.

    :param waits: how many executions are waited for.
    :param delay: seconds between polls.
    :param hold: seconds from the first trigger's start to the first execution's end.
    :param spread: seconds from the first to the last execution's end; 0 ends them together.
    :param quotas: whether AWS's request quotas are enforced.
    :param patience: seconds after the last end in which all events must have come.
    """

    waits: int
    delay: int
    hold: float
    spread: float
    quotas: bool
    patience: float


@dataclass(frozen=True)
class Figures:
    """What was measured.

    :param calls_per_round: API calls in ``delay`` seconds while all wait, by operation.
    :param calls: all API calls by operation, throttled ones included.
    :param cpu_seconds: of the process, after its imports.
    :param memory_mib: by which its memory (RSS) grew at most, after its imports; ``rss_mib`` is the whole.
    :param delays: seconds from the end of an execution to its event, one an execution.
    :param unsuccessful: waits that ended with another event than success, or with none.
    """

    calls_per_round: dict[str, float]
    calls: dict[str, int]
    throttled: int
    cpu_seconds: float
    memory_mib: float
    rss_mib: float
    delays: list[float]
    unsuccessful: int

    @property
    def median_delay(self) -> float:
        """Median of ``delays``."""
        return median(self.delays)

    @property
    def late_delay(self) -> float:
        """99th percentile of ``delays``."""
        return quantiles(self.delays, n=100, method="inclusive")[98]
