"""Whatever the order of steps, whatever fails: the endpoint ends with the newest model that was proven.

The compiled state machine and the function that decides for it run against a small model of SageMaker,
DynamoDB and Step Functions, in every order of steps.
"""

from __future__ import annotations

import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.unit.deployment.exploration.explorer import BrokenPromise, Explored, explore, is_over, walk
from tests.unit.deployment.exploration.services import BY_HAND, Endpoint, held, held_to
from tests.unit.deployment.exploration.steps import successors
from tests.unit.deployment.exploration.world import A_HOLD, DECIDE, Definition, Execution, World

# An update fails though the model is good; the endpoint is deleted, broken or updated by hand; an execution
# is stopped, or redriven; SageMaker's reply is lost, it is busy, its reads lag.
KINDS = ("fail", "delete", "break", "hand", "stop", "redrive", "lost", "busy", "lag")
MODELS = ("good", "mute", "unloadable")
# A person holds the endpoint by hand, or releases it.
HOLDING = ("fail", "stop", "lost", "hold")
# Of two executions, the models that none of them may keep in service.
PAIRS = list(product(MODELS, repeat=2))
RULES_OF_BEFORE: Definition = json.loads(
    (Path(__file__).parent / "exploration" / "rules_of_before.json").read_text()
)["States"]


@pytest.fixture(scope="session")
def rules(definition: dict[str, Any]) -> Definition:
    states: Definition = definition["States"]
    return states


def show(explored: Explored) -> None:
    """Figures for who runs the long ones, with ``-s``."""
    sys.stdout.write(f"{explored}\n")


def execution(rules: Definition, hour: int, model: str = "good", policy: str = "if_newer") -> Execution:
    start = DECIDE if DECIDE in rules else "Check endpoint's owner"
    return Execution(f"c{hour}", str(hour), rules, start, model, policy)


def rollback(rules: Definition, model: str = "good", *, hold: bool) -> Execution:
    """To an older model than any that is proven."""
    return execution(rules, 0, model, "force").but(hold=hold)


def held_world(*executions: Execution, **options: Any) -> World:
    """The executions at an endpoint that is held to hour 1's model."""
    start = world(*executions, **options)
    item = held(start.item, A_HOLD)
    return start.but(item=item, held_to=held_to(item))


def world(
    *executions: Execution, proven: bool = True, faults: int = 0, kinds: tuple[str, ...] = KINDS
) -> World:
    """The executions at an endpoint that serves hour 1's model, proven, or before there is one."""
    if not proven:
        return World(executions, faults=faults, kinds=frozenset(kinds))
    hour_1 = {
        "WindowEnd": "1",
        "EndpointConfigName": "c1",
        "ModelName": "c1",
        "ExecutionArn": "arn:c1",
    }
    item = {prefix + name: {"S": text} for prefix in ("", "Proven") for name, text in hour_1.items()}
    return World(
        executions,
        Endpoint("InService", "c1", 0),
        item={"Endpoint": {"S": "e"}, **item},
        tested=frozenset({BY_HAND, "c1"}),
        faults=faults,
        kinds=frozenset(kinds),
        clock=1,
    )


@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("model", MODELS)
def test_one_execution_with_two_faults(rules: Definition, model: str, proven: bool) -> None:
    assert explore(world(execution(rules, 2, model), proven=proven, faults=2)).ends > 10


@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("models", PAIRS)
def test_two_executions(rules: Definition, models: tuple[str, str], proven: bool) -> None:
    first, second = models
    start = world(execution(rules, 2, first), execution(rules, 3, second), proven=proven)
    assert explore(start).states > 100


def test_two_executions_with_a_fault(rules: Definition) -> None:
    assert explore(world(execution(rules, 2), execution(rules, 3), faults=1)).states > 5000


@pytest.mark.parametrize("models", PAIRS)
def test_one_of_the_rules_of_before_beside_one_of_these(rules: Definition, models: tuple[str, str]) -> None:
    """An upgrade comes while executions run: what those of before may leave, the next one puts right."""
    first, second = models
    for older, newer in ((RULES_OF_BEFORE, rules), (rules, RULES_OF_BEFORE)):
        some = (execution(older, 2, first), execution(newer, 3, second))
        explore(world(*some))


def test_the_rules_of_before_leave_a_model_in_service_that_was_never_tested() -> None:
    start = world(execution(RULES_OF_BEFORE, 2, "mute"), execution(RULES_OF_BEFORE, 3, "unloadable"))
    with pytest.raises(BrokenPromise, match="the endpoint serves c2, proven is c1"):
        explore(start)


@pytest.mark.parametrize("models", [("good", "good"), ("mute", "good"), ("good", "unloadable")])
def test_an_endpoint_that_is_given_several_variants_by_hand_ends_every_deployment(
    rules: Definition, models: tuple[str, str]
) -> None:
    first, second = models
    some = (execution(rules, 2, first), execution(rules, 3, second))
    explore(world(*some, faults=1, kinds=("hand", "several")))


def test_an_endpoint_of_several_variants_is_left_alone(rules: Definition) -> None:
    start = world(execution(rules, 2), proven=False, kinds=("several",))
    several = start.but(endpoint=Endpoint("InService", BY_HAND, 0), clock=1)
    now = several
    while not is_over(now):
        # By itself, and without faults, an execution has one way only.
        ((_, now),) = successors(now)
        assert (now.endpoint, now.item) == (several.endpoint, {})
    assert "would drop all but one" in now.executions[0].outcome


def test_many_executions_and_many_faults(rules: Definition) -> None:
    models = ("good", "mute", "unloadable", "good")
    for seed in range(60):
        some = [execution(rules, 2 + hour, models[(seed + hour) % 4]) for hour in range(4)]
        walk(world(*some, proven=seed % 2 == 0, faults=5), seed)


def test_what_is_forced_is_what_is_served(rules: Definition) -> None:
    explore(world(execution(rules, 0, policy="force"), execution(rules, 3), faults=1, kinds=("fail", "stop")))


@pytest.mark.parametrize("models", PAIRS)
def test_a_held_endpoint_stays_with_its_model(rules: Definition, models: tuple[str, str]) -> None:
    first, second = models
    retrains = (execution(rules, 2, first), execution(rules, 3, second))
    explore(held_world(*retrains))
    explore(held_world(retrains[0], faults=2, kinds=HOLDING))


def test_an_endpoint_that_is_held_by_hand_while_retrains_deploy(rules: Definition) -> None:
    retrains = (execution(rules, 2), execution(rules, 3, "mute"))
    assert explore(world(*retrains, faults=1, kinds=("hold",))).states > 1000


@pytest.mark.parametrize("hold", [True, False])
@pytest.mark.parametrize("model", MODELS)
def test_rolling_back_beside_a_retrain_holds_or_releases(rules: Definition, model: str, hold: bool) -> None:
    both = (rollback(rules, model, hold=hold), execution(rules, 3))
    explore(world(*both))
    explore(held_world(*both, faults=1, kinds=HOLDING))


def test_rolling_back_with_hold_among_many_and_many_faults(rules: Definition) -> None:
    for seed in range(30):
        retrains = [execution(rules, 2 + hour, MODELS[(seed + hour) % 3]) for hour in range(3)]
        walk(world(rollback(rules, hold=True), *retrains, faults=4, kinds=HOLDING), seed)


@pytest.mark.heavy
def test_rolling_back_with_hold_beside_two_retrains_with_a_fault(rules: Definition) -> None:
    some = (rollback(rules, hold=True), execution(rules, 2), execution(rules, 3))
    show(explore(world(*some, faults=1, kinds=HOLDING)))


@pytest.mark.heavy
@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("models", PAIRS)
def test_two_executions_with_two_faults(rules: Definition, models: tuple[str, str], proven: bool) -> None:
    first, second = models
    start = world(execution(rules, 2, first), execution(rules, 3, second), proven=proven, faults=2)
    show(explore(start))


@pytest.mark.heavy
@pytest.mark.parametrize("models", PAIRS)
def test_one_of_the_rules_of_before_beside_one_of_these_with_a_fault(
    rules: Definition, models: tuple[str, str]
) -> None:
    first, second = models
    kinds = ("fail", "stop", "lost", "busy", "delete")
    for older, newer in ((RULES_OF_BEFORE, rules), (rules, RULES_OF_BEFORE)):
        some = (execution(older, 2, first), execution(newer, 3, second))
        show(explore(world(*some, faults=1, kinds=kinds)))


@pytest.mark.heavy
@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.parametrize("models", list(product(MODELS, repeat=3)))
def test_three_executions_with_a_fault(rules: Definition, models: tuple[str, str, str], proven: bool) -> None:
    some = [execution(rules, 2 + hour, model) for hour, model in enumerate(models)]
    show(explore(world(*some, proven=proven, faults=1)))


@pytest.mark.heavy
@pytest.mark.parametrize("thousand", range(1, 6))
def test_more_orders_of_many_executions_and_many_faults(rules: Definition, thousand: int) -> None:
    models = ("good", "mute", "unloadable", "good", "good", "mute")
    for seed in range(1000 * thousand, 1000 * thousand + 1000):
        some = [execution(rules, 2 + hour, models[(seed + hour) % 6]) for hour in range(6)]
        walk(world(*some, proven=seed % 2 == 0, faults=8), seed)
