"""What each execution may do next, and what may go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from include.lambdas.deployment.decision import PUT_BACK
from tests.unit.deployment.exploration import language, services
from tests.unit.deployment.exploration.acts import ACTS, REFUSABLE
from tests.unit.deployment.exploration.decisions import decided, successor
from tests.unit.deployment.exploration.services import BY_HAND, Refusal
from tests.unit.deployment.exploration.world import (
    A_HOLD,
    DECIDE,
    Execution,
    World,
    changed,
    fault,
    may,
    model,
    with_execution,
)

# What a lost reply looks like where the state is not tried again by itself.
LOST = Refusal(
    "SageMaker.AmazonSageMakerException", "Internal error (Service: AmazonSageMaker; Status Code: 500)"
)
BUSY = Refusal("SageMaker.AmazonSageMakerException", "Rate exceeded (Error Code: ThrottlingException)")


def successors(world: World) -> Iterator[tuple[str, World]]:
    """All that can happen next, by name."""
    for number, execution in enumerate(world.executions):
        if execution.status == "RUNNING" and execution.state == "Create endpoint config":
            # Nobody else sees it: whether it comes before or after what the others do is all the same.
            for label, after in _steps(world, number):
                yield f"{execution.name}: {label}", after
            return
    for number, execution in enumerate(world.executions):
        # What was under way has come, or never will, before anybody puts it right.
        waits = execution.policy == PUT_BACK and world.late
        if execution.status == "RUNNING" and not waits:
            for label, after in _steps(world, number):
                yield f"{execution.name}: {label}", after
    endpoint = world.endpoint
    if endpoint and endpoint.target:
        loads = model(world, endpoint.target) != "unloadable"
        yield "update ends", changed(world, services.settled(endpoint, world.clock, succeeds=loads))
        if loads and may(world, "fail"):
            failed = services.settled(endpoint, world.clock, succeeds=False)
            yield "update fails", fault(changed(world, failed))
    if world.late:
        after = world.but(late="")
        try:
            yield "late update", changed(after, services.update(endpoint, world.late, world.clock))
        except Refusal:
            yield "late update is refused", after
    yield from _people(world)


def _people(world: World) -> Iterator[tuple[str, World]]:
    endpoint = world.endpoint
    if may(world, "hold"):
        said = "released" if "HeldBy" in world.item else "held"
        item = services.held(world.item, A_HOLD if said == "held" else None)
        yield f"{said} by hand", fault(world).but(item=item, held_to=services.held_to(item))
    if endpoint and not endpoint.target:
        if may(world, "delete"):
            yield "deleted by hand", fault(changed(world, None)).but(by_hand=True)
        if may(world, "break") and endpoint.status == "InService":
            broken = replace(endpoint, status="OutOfService", changed=world.clock)
            yield "broken", fault(changed(world, broken)).but(by_hand=True)
        if may(world, "hand") and endpoint.status == "InService" and endpoint.config != BY_HAND:
            updated = services.update(endpoint, BY_HAND, world.clock)
            yield "updated by hand", fault(changed(world, updated)).but(by_hand=True)
    for number, execution in enumerate(world.executions):
        # Who stops the one that puts right means it.
        if execution.status == "RUNNING" and execution.policy != PUT_BACK and may(world, "stop"):
            stopped = execution.but(status="ABORTED", outcome="aborted", reads=())
            after = successor(fault(with_execution(world, number, stopped)), stopped)
            yield f"{execution.name}: stopped", after
            if execution.state == "Update endpoint" and not world.late:
                config = execution.data["Next"]["Config"]
                yield f"{execution.name}: stopped, update under way", after.but(late=config)
        if execution.status in ("ABORTED", "FAILED") and may(world, "redrive"):
            again = execution.but(status="RUNNING", redrives=execution.redrives + 1, outcome="")
            yield f"{execution.name}: redriven", fault(with_execution(world, number, again))


def _steps(world: World, number: int) -> Iterator[tuple[str, World]]:
    execution = world.executions[number]
    if execution.state == DECIDE:
        yield from _decision(world, number)
        return
    act = ACTS[execution.state.removesuffix(" at once")]
    label = execution.state
    try:
        after, result = act(world, execution)
    except Refusal as refusal:
        yield f"{label} is refused", _failed(world, number, refusal)
        return
    yield label, _done(after, number, result)
    if execution.state in REFUSABLE and may(world, "busy"):
        yield f"{label}: busy", _failed(fault(world), number, BUSY)
    if execution.state in REFUSABLE and may(world, "lost"):
        yield f"{label}: reply lost", _failed(fault(after), number, LOST)
    elif execution.state == "Write claim" and may(world, "lost"):
        yield f"{label}: reply lost", _failed(fault(after), number, services.TAKEN)
    if execution.state == "Find endpoint" and may(world, "lag") and world.last:
        late = {**services.described(world.last), "LastModifiedTime": 0}
        yield f"{label}: lags", _done(fault(world), number, late)


def _decision(world: World, number: int) -> Iterator[tuple[str, World]]:
    looks = [("", world.endpoint, world)]
    # The one that puts right comes later than any read lags.
    lags = may(world, "lag") and world.executions[number].policy != PUT_BACK
    if lags and world.last is not None:
        looks.append((", late", world.last, fault(world)))
    for late, endpoint, after in looks:
        execution = world.executions[number]
        told = decided(world, execution, endpoint)
        if isinstance(told, tuple):
            yield "reads", with_execution(world, number, execution.but(reads=told))
            return
        execution = execution.but(reads=())
        if isinstance(told, str):
            yield (
                f"fails: {told}{late}",
                with_execution(after, number, execution.but(status="FAILED", outcome="failed: " + told)),
            )
        else:
            label = f"{told['Action']} {told['Config']}{told['Outcome']}{late}"
            yield label, _done(with_execution(after, number, execution), number, told)


def _done(world: World, number: int, result: Any) -> World:
    execution = world.executions[number]
    state = execution.rules[execution.state]
    path = state.get("ResultPath", "$")
    if path == "$.Done":
        result = {}
    data = language.put(execution.data, path, result)
    if execution.state == DECIDE:
        # What was done is judged now, and what is done next is put in its place.
        data.pop("Done", None)
    return _onward(world, number, execution.but(data=data), state["Next"])


def _failed(world: World, number: int, refusal: Refusal) -> World:
    execution = world.executions[number]
    error = {"Error": refusal.error, "Cause": refusal.cause}
    for catch in execution.rules[execution.state].get("Catch", []):
        if {"States.TaskFailed", "States.ALL", refusal.error} & set(catch["ErrorEquals"]):
            data = language.put(execution.data, catch["ResultPath"], error)
            return _onward(world, number, execution.but(data=data), catch["Next"])
    failed = execution.but(status="FAILED", outcome=f"failed: {refusal.cause}")
    return with_execution(world, number, failed)


def _onward(world: World, number: int, execution: Execution, name: str) -> World:
    """Go to a state, and through those that touch nothing but the execution's own data."""
    data = execution.data
    while True:
        state = execution.rules[name]
        if state["Type"] == "Fail":
            cause = language.find(state["CausePath"], data, None)
            ended = execution.but(status="FAILED", outcome=f"failed: {cause}", state=name, data=data)
            return with_execution(world, number, ended)
        if state["Type"] == "Task":
            return with_execution(world, number, execution.but(state=name, data=data))
        if state["Type"] == "Choice":
            name = language.chosen(state, {**execution.given, **data})
            continue
        if state["Type"] == "Pass" and name != "Wait longer next time":
            result = state.get(
                "Result", language.find(state["InputPath"], data, None) if "InputPath" in state else {}
            )
            data = language.put(data, state.get("ResultPath", "$"), result)
        if "Next" not in state:
            ended = execution.but(status="SUCCEEDED", outcome=data["Outcome"], state=name, data=data)
            return with_execution(world, number, ended)
        name = state["Next"]
