"""CPU time of a local stack."""

from __future__ import annotations

from contextlib import suppress

import psutil

from scripts.components import ALL
from scripts.local_stack import LocalStack


def cpu_seconds(stack: LocalStack) -> float:
    """CPU seconds of all its processes so far, those that have ended included."""
    total = 0.0
    for component in ALL:
        for pid in stack.pids(component):
            with suppress(psutil.NoSuchProcess):
                times = psutil.Process(pid).cpu_times()
                # A process has the times of its children once they have ended and it has asked for that.
                total += times.user + times.system + times.children_user + times.children_system
    return total
