"""A loop has its pollers and quotas to itself, and they go with it."""

from __future__ import annotations

import asyncio
import gc
from weakref import ref

from retraining.triggers import pollers
from retraining.triggers.pollers import Pollers
from retraining.triggers.wait import Wait
from tests.unit.triggers.fake_states import KEY, FakeStates, arn


def test_quotas_are_an_accounts_in_a_region() -> None:
    async def same(first: str, second: str) -> bool:
        pollers = Pollers.here()
        machine = "arn:aws:states:{}:stateMachine:m"
        return pollers.quotas(machine.format(first)) is pollers.quotas(machine.format(second))

    assert asyncio.run(same("us-east-1:123456789012", "us-east-1:123456789012"))
    assert not asyncio.run(same("us-east-1:123456789012", "us-east-1:210987654321"))
    assert not asyncio.run(same("us-east-1:123456789012", "us-west-2:123456789012"))


def test_waits_share_a_poller_while_there_are_any(states: FakeStates) -> None:
    async def shared() -> list[int]:
        here, first, second = Pollers.here(), Wait(arn(0)), Wait(arn(1))
        poller = here.join(KEY, first)
        assert here.join(KEY, second) is poller
        sizes = [len(here)]
        for wait in (first, second):
            poller.leave(wait)
            sizes.append(len(here))
        assert here.join(KEY, first) is not poller
        return sizes

    assert asyncio.run(shared()) == [1, 1, 0]


def test_what_a_loop_leaves_unfinished_goes_with_it(states: FakeStates) -> None:
    async def left() -> tuple[ref[Pollers], Wait]:
        here, wait = Pollers.here(), Wait(arn(0))
        here.join(KEY, wait)
        await asyncio.sleep(0.01)
        return ref(here), wait

    before = len(pollers._of_loops)
    here, wait = asyncio.run(left())
    assert str(wait.error) == "the poller was stopped"
    gc.collect()
    assert here() is None
    assert len(pollers._of_loops) <= before
