"""Whether a person ended a wait, or another triggerer took it over.

A triggerer that misses its heartbeats loses its triggers to another one; when it wakes it cancels its own
copies as if a person had killed them, and the task's state alone does not tell the two apart: a cleared task
is deferred again at once, and a wait that ended elsewhere is deferred no longer. So every copy of a trigger
signs in an XCom of its task: whoever signed last for a deferral is in charge of what it waits for.
"""

from __future__ import annotations

import asyncio
import time
from enum import Enum
from typing import Any
from uuid import uuid4

from airflow.sdk import TaskInstanceState

from retraining import airflow_internals
from retraining.airflow_internals import TaskTry

KEY = "waited_for_by"
KEPT = 8
ASK_AGAIN_SECONDS = 1.0


class Verdict(Enum):
    """Why a trigger was cancelled."""

    KILLED = "a person marked the task, cleared it or deleted its run"
    MOVED = "another triggerer has taken the wait over"
    UNCLEAR = "Airflow did not say"


Signatures = dict[str, dict[str, Any]]


def has_waited_before(signed: Signatures | None, try_number: int, execution_arn: str) -> bool:
    """Whether an earlier try of the task has waited for the execution.

    :param signed: the task's XCom ``KEY``.
    """
    return any(
        int(deferral.partition("/")[0]) < try_number and by["execution_arn"] == execution_arn
        for deferral, by in (signed or {}).items()
    )


class Succession:
    """The place of one copy of a trigger among all that have waited for its task.

    :param ti: the task that waits.
    :param trigger_id: the trigger's, the same for all its copies; a task that is deferred again has another.
    :param execution_arn: what it waits for.
    """

    def __init__(self, ti: TaskTry, trigger_id: int, execution_arn: str) -> None:
        self._ti = ti
        self._execution = execution_arn
        # Try first: SQLite gives the number of a trigger that was deleted to the next one.
        self._deferral = f"{ti.try_number}/{trigger_id}"
        self._copy = uuid4().hex
        self._began = time.time()
        self._signed = False

    async def sign(self) -> None:
        """Take charge."""
        # The first try comes after nobody. To ask for an XCom that is not there is an error in Airflow's log.
        before = await self._signatures() if self._ti.try_number > 1 else {}
        # A deferral keeps its place among the others: the last one is the newest. It is written down, as
        # PostgreSQL's JSONB does not keep the order of keys.
        last = max((by["place"] for by in before.values()), default=0)
        place = before[self._deferral]["place"] if self._deferral in before else last + 1
        signed = {**before, self._deferral: {**self._signature, "place": place}}
        kept = sorted(signed, key=lambda deferral: signed[deferral]["place"])[-KEPT:]
        await airflow_internals.write_xcom(self._ti, KEY, {deferral: signed[deferral] for deferral in kept})
        self._signed = True

    async def verdict(self, seconds: float) -> tuple[Verdict, str]:
        """Say why the trigger was cancelled, and what stood in the way of finding out.

        A copy elsewhere takes a moment to begin, and so does a task that is deferred again.

        :param seconds: how long to ask for.
        """
        until = time.monotonic() + seconds
        why = "nobody has taken it over"
        while True:
            try:
                async with asyncio.timeout(max(until - time.monotonic(), 0)):
                    verdict = await self._now()
            except Exception as error:  # noqa: BLE001 - whatever it is, the answer is not there
                verdict, why = Verdict.UNCLEAR, f"{type(error).__name__}: {str(error) or 'no answer in time'}"
            if verdict is not Verdict.UNCLEAR or time.monotonic() + ASK_AGAIN_SECONDS >= until:
                return verdict, why
            await asyncio.sleep(ASK_AGAIN_SECONDS)

    async def _now(self) -> Verdict:
        # A triggerer that wakes asks for all that it has waited for: mostly one call tells.
        if self._is_of_another(await self._signatures()):
            return Verdict.MOVED
        # Who has ended the wait elsewhere had signed before.
        state = await airflow_internals.state_of(self._ti)
        signed = await self._signatures()
        if self._is_of_another(signed):
            return Verdict.MOVED
        if state != TaskInstanceState.DEFERRED or self._is_deferred_anew(signed):
            return Verdict.KILLED
        return Verdict.UNCLEAR

    def _is_deferred_anew(self, signed: Signatures) -> bool:
        newest = max(signed, key=lambda deferral: signed[deferral]["place"], default="")
        if self._signed:
            # A task that begins anew on a worker has lost its XComs.
            return newest != self._deferral
        return bool(newest) and int(newest.partition("/")[0]) > self._ti.try_number

    def _is_of_another(self, signed: Signatures) -> bool:
        last = signed.get(self._deferral)
        if last is None or last["copy"] == self._copy:
            return False
        # A triggerer that was restarted finds what it signed before that.
        return self._signed or last["at"] > self._began

    async def _signatures(self) -> Signatures:
        found: Signatures | None = await airflow_internals.read_xcom(self._ti, KEY)
        return dict(found or {})

    @property
    def _signature(self) -> dict[str, Any]:
        return {"copy": self._copy, "execution_arn": self._execution, "at": time.time()}
