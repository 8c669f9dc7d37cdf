"""CPU time of a local stack."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import psutil

from scripts.components import ALL
from scripts.local_stack import LocalStack


def cpu_seconds(stack: LocalStack) -> Counter[str]:
    """CPU seconds of each component's processes so far, those that have ended included."""
    total = Counter[str]()
    for component in ALL:
        for pid in stack.pids(component):
            with suppress(psutil.NoSuchProcess):
                times = psutil.Process(pid).cpu_times()
                # A process has the times of its children once they have ended and it has asked for that.
                spent = times.user + times.system + times.children_user + times.children_system
                total[component] += spent  # type: ignore[assignment]
    return total
