"""The state of a world: executions around one endpoint, and the table's item."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

from tests.unit.deployment.exploration.services import BY_HAND, Endpoint

Definition = dict[str, dict[str, Any]]
_MOMENTS = ("looked", "tested")
A_HOLD = {"by": "ada", "reason": "an incident", "since": "2013-05-02T10:00:00Z"}
DECIDE = "Decide what is next"


class _Copied:
    """``dataclasses.replace``, much faster: most of the time goes into copies."""

    def but(self, **changes: Any) -> Self:
        """Give the same with other values."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        for kept in ("text", "moments", "versions"):
            other.__dict__.pop(kept, None)
        other.__dict__.update(changes)
        return other


@dataclass(frozen=True, eq=False)
class Execution(_Copied):
    """:param model: ``good``, ``unloadable`` (no update to it succeeds), or ``mute`` (it does not predict).

    :param hold: whether it holds the endpoint or releases it, as rolling back does; None for retrains.
    :param reads: what its decision has read so far: each read is a step of its own.
    """

    name: str
    window: str
    rules: Definition = field(repr=False, compare=False)
    state: str
    model: str = "good"
    policy: str = "if_newer"
    hold: bool | None = None
    status: str = "RUNNING"
    data: dict[str, Any] = field(default_factory=dict)
    reads: tuple[Any, ...] = ()
    redrives: int = 0
    outcome: str = ""

    @property
    def given(self) -> dict[str, Any]:
        """Its input."""
        return {
            "EndpointConfigName": self.name,
            "ModelName": self.name,
            "WindowEnd": self.window,
            "DeployPolicy": self.policy,
            "EndpointName": "e",
            "DeploymentsTable": "t",
            "EndpointTestFunctionName": "f",
            "DeploymentFunctionName": "f",
            "TrainingJobName": "j",
            **({} if self.hold is None else {"Hold": A_HOLD if self.hold else {}}),
        }

    @cached_property
    def text(self) -> str:
        """All that tells it from another state of it, but moments and versions."""
        data = self.data
        if "Next" in data:
            memory = {k: v for k, v in data["Next"]["Memory"].items() if k not in _MOMENTS}
            # What the last decision said is of use until it is done.
            told = {} if self.state == DECIDE else {k: v for k, v in data["Next"].items() if k != "Version"}
            if "Item" in told:
                told["Item"] = {k: v for k, v in told["Item"].items() if k != "Version"}
            data = {**data, "Next": {**told, "Memory": memory}}
        reads = [
            {**read, "Item": {k: v for k, v in read["Item"].items() if k != "Version"}}
            if "Item" in read
            else read
            for read in self.reads
        ]
        return _text([self.state, self.status, self.redrives, reads, data])

    @cached_property
    def versions(self) -> tuple[str, ...]:
        """The item's versions that it has read, and that it is to write upon."""
        read = [found["Item"]["Version"]["N"] for found in self.reads if "Version" in found.get("Item", {})]
        told = self.data.get("Next", {}).get("Version", "") if self.state != DECIDE else ""
        return (*read, told)

    @cached_property
    def moments(self) -> tuple[int, ...]:
        """The changes of the endpoint that it remembers."""
        memory = self.data.get("Next", {}).get("Memory", {})
        return tuple(int(memory.get(name) or -2) for name in _MOMENTS)

    @property
    def context(self) -> dict[str, Any]:
        """The context object."""
        execution = {"Id": f"arn:{self.name}", "Input": self.given, "RedriveCount": self.redrives}
        return {"Execution": execution}


@dataclass(frozen=True, eq=False)
class World(_Copied):
    """:param configs: endpoint configs that were made; ``tested`` those that predicted in service.

    :param late: a config that an update of a stopped execution will still bring.
    :param held_to: the config that was proven when the endpoint was held to it; None where nobody holds it.
    :param last: what the endpoint was before it changed, which a read that lags still shows.
    """

    executions: tuple[Execution, ...]
    endpoint: Endpoint | None = None
    item: dict[str, Any] = field(default_factory=dict)
    configs: frozenset[str] = frozenset()
    tested: frozenset[str] = frozenset({BY_HAND})
    faults: int = 0
    kinds: frozenset[str] = frozenset()
    late: str = ""
    held_to: str | None = None
    last: Endpoint | None = None
    by_hand: bool = False
    clock: int = 0

    def key(self) -> int:
        """What tells worlds apart.

        Of moments it counts only whether they are the endpoint's last change, of versions only whether they
        are the item's; and where no fault is to come, of what has ended only how it ended.
        """
        lags, redriven = may(self, "lag"), may(self, "redrive")
        endpoints = (self.endpoint, self.last) if lags else (self.endpoint,)
        moments = tuple(endpoint.changed for endpoint in endpoints if endpoint)
        item = {name: value for name, value in self.item.items() if name != "Version"}
        version = self.item.get("Version", {"N": "0"})["N"]
        parts: list[Any] = []
        for execution in self.executions:
            if execution.status != "RUNNING" and not redriven:
                parts.append(execution.outcome)
                continue
            known = [moments.index(one) if one in moments else -1 for one in execution.moments]
            parts.append((execution.text, *known, *(one == version for one in execution.versions)))
        parts += [endpoint and replace(endpoint, changed=0) for endpoint in endpoints]
        parts += [_text(item), self.tested, self.faults, self.late, self.by_hand, self.held_to]
        return hash(tuple(parts))


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True)


def may(world: World, kind: str) -> bool:
    """Whether a fault of a kind may happen still."""
    return world.faults > 0 and kind in world.kinds


def fault(world: World) -> World:
    """One fault less to come."""
    return world.but(faults=world.faults - 1)


def changed(world: World, endpoint: Endpoint | None) -> World:
    """The endpoint becomes another."""
    return world.but(endpoint=endpoint, last=world.endpoint, clock=world.clock + 1)


def with_execution(world: World, number: int, execution: Execution) -> World:
    """One execution becomes another."""
    executions = list(world.executions)
    executions[number] = execution
    return world.but(executions=tuple(executions))


def model(world: World, config: str) -> str:
    """What the model that a config serves is worth."""
    return next((one.model for one in world.executions if one.name == config), "good")
