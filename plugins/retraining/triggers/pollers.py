"""The pollers of an event loop, which has them to itself: a triggerer has one loop, a test one of its own."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from weakref import WeakKeyDictionary

from retraining import arns
from retraining.triggers.connection import PollerKey
from retraining.triggers.poller import ExecutionPoller
from retraining.triggers.rate_limit import Quotas
from retraining.triggers.wait import Wait

# Nothing in Pollers refers to the loop but tasks, which end before it does: they go together.
_of_loops: WeakKeyDictionary[AbstractEventLoop, Pollers] = WeakKeyDictionary()


class Pollers:
    """One poller for each key that somebody waits with, and the request quotas that pollers share."""

    def __init__(self) -> None:
        self._pollers: dict[PollerKey, ExecutionPoller] = {}
        self._quotas: dict[tuple[str, str], Quotas] = {}

    @classmethod
    def here(cls) -> Pollers:
        """Those of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in _of_loops:
            _of_loops[loop] = cls()
        return _of_loops[loop]

    def __len__(self) -> int:
        return len(self._pollers)

    def join(self, key: PollerKey, wait: Wait) -> ExecutionPoller:
        """Add a wait to the poller of its key, starting one when there is none."""
        poller = self._pollers.get(key)
        if poller is None:
            quota = self.quotas(key.state_machine_arn)
            poller = self._pollers[key] = ExecutionPoller(key, quota, at_end=self._remove)
        poller.join(wait)
        return poller

    def quotas(self, state_machine_arn: str) -> Quotas:
        """AWS counts for an account and a region, whatever connection the calls come through."""
        where = arns.account_of(state_machine_arn), arns.region_of(state_machine_arn)
        return self._quotas.setdefault(where, Quotas(where[1]))

    def _remove(self, poller: ExecutionPoller) -> None:
        if self._pollers.get(poller.key) is poller:
            del self._pollers[poller.key]
