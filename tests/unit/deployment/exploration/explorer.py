"""Takes every order of steps, or draws some by lot, and holds what must hold to where they end."""

from __future__ import annotations

import random
from array import array
from collections import deque
from dataclasses import dataclass

from tests.unit.deployment.exploration.services import BY_HAND, text
from tests.unit.deployment.exploration.steps import successors
from tests.unit.deployment.exploration.world import DECIDE, World


class BrokenPromise(Exception):
    """Something that must hold does not; says what, and the steps that lead there."""


@dataclass(frozen=True)
class Explored:
    """How much was visited: ``states``, ``ends`` among them, where nothing more can happen by itself."""

    states: int
    ends: int


def explore(start: World, *, limit: int = 10_000_000) -> Explored:
    """Visit every world that can be reached.

    :raises BrokenPromise: with the shortest way to it.
    """
    numbers = {start.key(): 0}
    came: list[tuple[int, str]] = [(-1, "")]
    sources, targets = array("L"), array("L")
    ahead = deque([(0, start)])
    ends: list[int] = []
    while ahead:
        number, world = ahead.popleft()
        try:
            _hold_always(world)
            if is_over(world):
                ends.append(number)
                _hold_in_the_end(world)
        except BrokenPromise as broken:
            raise BrokenPromise(f"{broken}\n{_way(came, number)}") from None
        for label, after in successors(world):
            key = after.key()
            if key not in numbers:
                if len(numbers) >= limit:
                    raise BrokenPromise(f"more than {limit} worlds")
                numbers[key] = len(came)
                came.append((number, label))
                ahead.append((numbers[key], after))
            sources.append(number)
            targets.append(numbers[key])
    if stuck := _never_ending(len(came), sources, targets, ends):
        raise BrokenPromise(f"goes round for ever\n{_way(came, stuck)}")
    return Explored(len(came), len(ends))


def walk(start: World, seed: int, *, longest: int = 3000) -> int:
    """Take one order of steps, drawn by lot, to its end.

    :return: how many steps it had.
    """
    chance = random.Random(seed)  # noqa: S311
    world = start
    way: list[str] = []
    for steps in range(longest):
        try:
            _hold_always(world)
            if is_over(world):
                _hold_in_the_end(world)
                return steps
        except BrokenPromise as broken:
            raise BrokenPromise(f"seed {seed}: {broken}\n" + "\n".join(way)) from None
        label, world = chance.choice(list(successors(world)))
        way.append(label)
    raise BrokenPromise(f"seed {seed}: not over after {longest} steps\n" + "\n".join(way[-60:]))


def is_over(world: World) -> bool:
    """Whether nothing more happens by itself."""
    running = any(execution.status == "RUNNING" for execution in world.executions)
    return not running and not world.late and not (world.endpoint and world.endpoint.target)


def _hold_always(world: World) -> None:
    proven = text(world.item, "ProvenEndpointConfigName")
    if proven is not None and proven not in world.tested:
        raise BrokenPromise(f"{proven} is called proven and was never tested in service")
    if world.held_to is not None and world.held_to != (proven or ""):
        raise BrokenPromise(f"the endpoint is held to {world.held_to or 'nothing'}, and {proven} is proven")
    if world.held_to is not None and "HeldBy" not in world.item:
        raise BrokenPromise("the hold is lost")
    for execution in world.executions:
        if execution.outcome == "deployed" and execution.name not in world.tested:
            raise BrokenPromise(f"{execution.name} says deployed, and never predicted in service")
        if execution.outcome == "stale" and proven is None:
            raise BrokenPromise(f"{execution.name} says stale, and nothing is proven")


def _hold_in_the_end(world: World) -> None:
    if len({DECIDE in execution.rules for execution in world.executions}) > 1:
        # The rules of before can leave anything; who comes next puts it right, whatever its model is worth.
        for again in (_next(world, "mute", "9"), _next(world, "good", "0")):
            after = _alone(again)
            if after.item:
                _serves_what_is_proven(after)
        return
    _serves_what_is_proven(world)
    _newest_is_proven(world)


def _serves_what_is_proven(world: World) -> None:
    endpoint, proven = world.endpoint, text(world.item, "ProvenEndpointConfigName")
    if endpoint is None or endpoint.status != "InService":
        if proven is not None and not world.by_hand:
            raise BrokenPromise(f"{proven} was proven, and nobody is served")
        return
    if endpoint.config not in (BY_HAND, proven):
        raise BrokenPromise(f"the endpoint serves {endpoint.config}, proven is {proven}")


def _newest_is_proven(world: World) -> None:
    proven = text(world.item, "ProvenWindowEnd") or ""
    forced = any(execution.policy == "force" for execution in world.executions)
    newest = max((one.window for one in world.executions if one.outcome == "deployed"), default="")
    if newest > proven and not forced:
        raise BrokenPromise(f"{newest} was deployed, and {proven} is proven")


def _next(world: World, model: str, window: str) -> World:
    pattern = next(one for one in world.executions if DECIDE in one.rules)
    another = pattern.but(
        name="next",
        window=window,
        model=model,
        state=DECIDE,
        policy="if_newer",
        hold=None,
        status="RUNNING",
        data={},
        reads=(),
        redrives=0,
        outcome="",
    )
    return world.but(executions=(*world.executions, another), faults=0)


def _alone(world: World) -> World:
    for _ in range(200):
        if is_over(world):
            return world
        _, world = next(iter(successors(world)))
        # An update ends before it is looked at again.
        while world.endpoint and world.endpoint.target:
            world = next(after for label, after in successors(world) if label == "update ends")
    raise BrokenPromise("the next execution does not come to an end")


def _never_ending(count: int, sources: array[int], targets: array[int], ends: list[int]) -> int | None:
    """A world from which no end can be reached, if there is one."""
    good = bytearray(count)
    for number in ends:
        good[number] = 1
    grown = True
    while grown:
        grown = False
        # Most steps lead to a world that was found later.
        for place in range(len(sources) - 1, -1, -1):
            if good[targets[place]] and not good[sources[place]]:
                good[sources[place]] = 1
                grown = True
    bad = good.find(0)
    return None if bad < 0 else bad


def _way(came: list[tuple[int, str]], number: int) -> str:
    labels = []
    while number > 0:
        number, label = came[number]
        labels.append(label)
    return "\n".join(reversed(labels))
