"""What the states that do something do to a world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.unit.deployment.exploration import language, services
from tests.unit.deployment.exploration.services import Refusal
from tests.unit.deployment.exploration.world import DECIDE, Execution, World, changed, model

Act = Callable[[World, Execution], tuple[World, Any]]


def _parameters(execution: Execution) -> Any:
    state = execution.rules[execution.state]
    return language.fill(state["Parameters"], {**execution.given, **execution.data}, execution.context)


def _configure(world: World, execution: Execution) -> tuple[World, Any]:
    if execution.name in world.configs:
        raise services.sagemaker_refuses("Cannot create already existing endpoint configuration")
    if DECIDE in execution.rules:
        (variant,) = execution.data["Next"]["ProductionVariants"]
        # The model of the execution, and all else as the endpoint has it, if there is one.
        assert variant["ModelName"] == execution.name, variant
        assert (variant["VariantName"], variant["InitialInstanceCount"]) in (("blue", 3), ("AllTraffic", 1))
    return world.but(configs=world.configs | {execution.name}), {}


def _create(world: World, execution: Execution) -> tuple[World, Any]:
    config = _parameters(execution)["EndpointConfigName"]
    return changed(world, services.create(world.endpoint, config, world.clock)), {}


def _update(world: World, execution: Execution) -> tuple[World, Any]:
    config = _parameters(execution)["EndpointConfigName"]
    return changed(world, services.update(world.endpoint, config, world.clock)), {}


def _delete(world: World, execution: Execution) -> tuple[World, Any]:
    services.delete(world.endpoint)
    return changed(world, None), {}


def _write(world: World, execution: Execution) -> tuple[World, Any]:
    if execution.state == "Write claim":
        item = services.put_item(world.item, _parameters(execution))
        if execution.hold is not None:
            return world.but(item=item, held_to=services.held_to(item)), {}
    else:
        mine = {
            "ExecutionArn": f"arn:{execution.name}",
            **{k: v for k, v in execution.given.items() if isinstance(v, str)},
        }
        item = services.write_by_old_rules(execution.state, world.item, mine)
    return world.but(item=item), {}


def _test(world: World, execution: Execution) -> tuple[World, Any]:
    endpoint = world.endpoint
    serving = endpoint and endpoint.status in ("InService", "Updating")
    if endpoint is None or not serving or model(world, endpoint.config) != "good":
        raise Refusal("EndpointTestFailed", '{"errorMessage": "it does not predict"}')
    # The rules of before take what is in service for theirs.
    tested = endpoint.config if DECIDE in execution.rules else execution.name
    return world.but(tested=world.tested | {tested}), {}


ACTS: dict[str, Act] = {
    "Check endpoint's owner": lambda world, _: (world, {}),
    "Create model": lambda world, _: (world, {}),
    "Create endpoint config": _configure,
    "Create endpoint": _create,
    "Update endpoint": _update,
    "Hand endpoint over": _update,
    "Put endpoint back": _update,
    "Delete endpoint": _delete,
    "Delete failed endpoint": _delete,
    "Test endpoint": _test,
    "Read claim": lambda world, _: (world, {"Item": world.item} if world.item else {}),
    "Find endpoint": lambda world, _: (world, {**services.described(world.endpoint), "LastModifiedTime": 0}),
    **dict.fromkeys(
        (
            "Write claim",
            "Claim endpoint",
            "Claim endpoint if newer",
            "Prove claim",
            "Restore claim",
            "Drop claim",
        ),
        _write,
    ),
}
REFUSABLE = (
    "Create endpoint config",
    "Create endpoint",
    "Update endpoint",
    "Update endpoint at once",
    "Hand endpoint over",
    "Put endpoint back",
    "Delete endpoint",
    "Delete failed endpoint",
)
