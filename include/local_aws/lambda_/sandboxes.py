"""The sandboxes that are kept: an invocation takes one that is warm, or a new one, and gives it back."""

from __future__ import annotations

import threading
import time

from include.local_aws.lambda_.sandbox import Sandbox
from include.local_aws.lambda_.settings import Settings
from include.local_aws.runtime import Runtime
from include.local_aws.timers import Timers

# Lambda says no number; public measurements find some minutes.
IDLE_SECONDS = 300.0


class Sandboxes:
    """
    At most as many as invocations may run at once.

    :param most: how many there may be; who takes one does so in one of so many turns.
    """

    def __init__(self, runtime: Runtime, most: int, timers: Timers) -> None:
        self._runtime, self._most, self._timers = runtime, most, timers
        self._lock = threading.Lock()
        self._idle: list[Sandbox] = []
        self._busy: set[Sandbox] = set()
        self._closed = False

    def take(self, settings: Settings) -> Sandbox:
        """A sandbox for these settings, which nobody else has."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the embedded AWS is shutting down")
            for sandbox in [kept for kept in self._idle if not _may_stay(kept, settings)]:
                self._remove(sandbox)
            taken = next((kept for kept in self._idle if kept.settings == settings), None)
            if taken:
                self._idle.remove(taken)
            else:
                if self._idle and len(self._idle) + len(self._busy) >= self._most:
                    self._remove(self._idle[-1])
                taken = Sandbox(self._runtime, settings)
            self._busy.add(taken)
        return taken

    def give_back(self, sandbox: Sandbox) -> None:
        """Keep it for the next invocation, unless it has come to its end."""
        with self._lock:
            self._busy.discard(sandbox)
            if not sandbox.usable or self._closed:
                sandbox.kill()
                return
            sandbox.idle_since = time.monotonic()
            # The one used last comes first, so that the others can go.
            self._idle.insert(0, sandbox)
        self._timers.after(IDLE_SECONDS, self._let_go)

    def close(self) -> None:
        """End them all, those at work too."""
        with self._lock:
            self._closed = True
            found, self._idle = [*self._idle, *self._busy], []
        for sandbox in found:
            sandbox.kill()

    def _let_go(self) -> None:
        before = time.monotonic() - IDLE_SECONDS
        with self._lock:
            for sandbox in [kept for kept in self._idle if kept.idle_since <= before]:
                self._remove(sandbox)

    def _remove(self, sandbox: Sandbox) -> None:
        self._idle.remove(sandbox)
        sandbox.kill()


def _may_stay(sandbox: Sandbox, settings: Settings) -> bool:
    """Whether it lives, and the settings are not newer ones of the same function."""
    kept = sandbox.settings
    same_function = (kept.arn, kept.version) == (settings.arn, settings.version)
    return sandbox.usable and (not same_function or kept == settings)
