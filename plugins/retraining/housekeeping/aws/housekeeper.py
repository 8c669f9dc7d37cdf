"""Keeps AWS tidy: finds what is beyond the retention, and removes it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from retraining.hooks.stack import Stack
from retraining.hooks.state_machine import SEEN_SECONDS
from retraining.housekeeping.aws.in_use import InUseHook
from retraining.housekeeping.aws.leftovers import LeftoversHook
from retraining.housekeeping.aws.removal import Removal, RemovalHook
from retraining.housekeeping.retention import Verdict, judge
from retraining.model.spec import ModelSpec

# What is in use is asked again after so many runs: removing thousands takes minutes.
CHUNK = 200
# The client slows down to the pace that AWS allows (botocore, "Retries").
PATIENT = {"retries": {"mode": "adaptive", "total_max_attempts": 12}}


@dataclass(frozen=True)
class Plan:
    """What housekeeping found, and what it would do.

    :param verdicts: on each run, newest first.
    :param strangers: S3 folders that nothing shows to be the model's.
    :param now: when it looked, UTC.
    """

    verdicts: list[Verdict]
    strangers: list[str]
    now: datetime


class Housekeeper:
    """Housekeeping of one model.

    :param parameters: what AWS hooks are made with.
    """

    def __init__(self, spec: ModelSpec, stack: Stack, **parameters: Any) -> None:
        parameters["config"] = parameters.get("config") or PATIENT
        self.spec = spec
        self.stack = stack
        self._leftovers = LeftoversHook(**parameters)
        self._in_use = InUseHook(**parameters)
        self._removal = RemovalHook(**parameters)

    def plan(self, now: datetime | None = None) -> Plan:
        """Look, and change nothing.

        :param now: the moment that ages are reckoned at; by default that of the call.
        """
        now = now or datetime.now(UTC)
        found = self._leftovers.find(self.spec.name, f"{self.spec.name}_retraining", self.stack)
        # After what was found, so that a deployment that began meanwhile is seen.
        use = self._in_use.read(self.stack, self.spec.name)
        return Plan(judge(found.leftovers, use, self.spec.retention, now), found.strangers, now)

    def carry_out(self, plan: Plan) -> Removal:
        """Remove what the plan says goes, unless it has come into use since."""
        gone = [verdict.leftovers for verdict in plan.verdicts if verdict.because is None]
        done = Removal()
        if gone:
            # An execution that had just begun when the plan was made was not listed then.
            time.sleep(SEEN_SECONDS)
        for start in range(0, len(gone), CHUNK):
            names = self._in_use.read(self.stack, self.spec.name).names
            chunk = [item for item in gone[start : start + CHUNK] if not names.keys() & {*item.names}]
            self._removal.remove(chunk, self.stack.bucket, done)
        return done
