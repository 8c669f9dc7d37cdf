"""The pause before a state is tried again; moto sleeps it out even when the execution has been stopped."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.eval.environment import Environment

# How late the end of the execution may be noticed.
LOOK_SECONDS = 0.5

_current = threading.local()


def run_in_this_thread(env: Environment) -> None:
    """Say which execution's states this thread runs from now on."""
    _current.env = env


def install() -> None:
    """Put it in place."""
    retrier_decl.time = SimpleNamespace(sleep=_pause)


def _pause(seconds: float) -> None:
    # A branch of a Parallel or Map state has a thread of its own, which nobody waits for.
    env: Environment | None = getattr(_current, "env", None)
    if env is None:
        time.sleep(seconds)
        return
    deadline = time.monotonic() + seconds
    while env.is_running() and (left := deadline - time.monotonic()) > 0:
        env.program_state_event.wait(min(left, LOOK_SECONDS))
