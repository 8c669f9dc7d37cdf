"""What it takes to update an endpoint, counted: one execution by itself; only waits make time pass."""

from __future__ import annotations

from collections import Counter
from typing import Any

from include.lambdas.deployment.answer import answer
from include.lambdas.deployment.ownership import take_ownership
from tests.unit.deployment.exploration import language, services
from tests.unit.deployment.exploration.acts import ACTS
from tests.unit.deployment.exploration.decisions import SAID, Clients
from tests.unit.deployment.exploration.world import DECIDE, World, changed, with_execution

TRANSITIONS, SECONDS = "state transitions", "seconds"
SAGEMAKER, DYNAMODB, STEP_FUNCTIONS, LAMBDA = "SageMaker", "DynamoDB", "Step Functions", "Lambda"
# What is not SageMaker's of boto3's methods, and a part of each service's resources.
METHODS = {"get_item": DYNAMODB, "describe_execution": STEP_FUNCTIONS}
RESOURCES = {":lambda:": LAMBDA, ":dynamodb:": DYNAMODB, "sagemaker:": SAGEMAKER}


class Counted:
    """boto3's clients, which count what is asked of them."""

    def __init__(self, clients: Clients, counts: Counter[str]) -> None:
        self._clients, self._counts = clients, counts
        self.dynamodb = self.sagemaker = self.stepfunctions = self

    def __getattr__(self, method: str) -> Any:
        self._counts[METHODS.get(method, SAGEMAKER)] += 1
        return getattr(self._clients, method)


class Described(Clients):
    """What is read at once, without steps of others between."""

    def __init__(self, world: World) -> None:
        super().__init__(world, (), world.endpoint)

    def describe_endpoint(self, **_: Any) -> dict[str, Any]:
        return {**services.described(self.endpoint), "EndpointArn": "e"}

    def list_tags(self, ResourceArn: str) -> dict[str, Any]:  # noqa: ARG002 - named as boto3 does
        return {"Tags": [{"Key": "retraining:stack", "Value": "s"}]}


def count(world: World, takes: int) -> Counter[str]:
    """Deploy a world's one execution.

    :param takes: seconds that an update takes.
    :return: calls by service, state transitions, and the seconds until it was deployed.
    """
    counts: Counter[str] = Counter()
    ends = 0
    name: str | None = world.executions[0].state
    while name:
        counts[TRANSITIONS] += 1
        execution = world.executions[0].but(state=name)
        state, data = execution.rules[name], execution.data
        if state["Type"] == "Choice":
            name = language.chosen(state, {**execution.given, **data})
            continue
        if state["Type"] == "Wait":
            counts[SECONDS] += language.find(state["SecondsPath"], data, None)
            if world.endpoint and world.endpoint.target and counts[SECONDS] >= ends:
                world = changed(world, services.settled(world.endpoint, world.clock, succeeds=True))
        else:
            before = world.endpoint
            does = _passed if state["Type"] == "Pass" else _done
            world, result = does(with_execution(world, 0, execution), counts)
            data = language.put(data, state.get("ResultPath", "$"), result)
            if world.endpoint != before:
                ends = counts[SECONDS] + takes
        world = with_execution(world, 0, execution.but(data=data))
        name = state.get("Next")
    assert data["Outcome"] == "deployed"
    return counts


def _passed(world: World, counts: Counter[str]) -> tuple[World, Any]:
    (execution,) = world.executions
    state, data = execution.rules[execution.state], execution.data
    if "Parameters" in state:
        # Only the rules of before have some.
        assert state["Parameters"] == {"Seconds.$": "States.MathAdd($.Pause.Seconds, 1)"}
        return world, {"Seconds": data["Pause"]["Seconds"] + 1}
    return world, state["Result"] if "Result" in state else language.find(state["InputPath"], data, None)


def _done(world: World, counts: Counter[str]) -> tuple[World, Any]:
    """Do what a task does, and count it and what its function calls."""
    (execution,) = world.executions
    name = execution.state
    resource = execution.rules[name]["Resource"]
    counts[next(service for part, service in RESOURCES.items() if part in resource)] += 1
    clients = Counted(Described(world), counts)
    event = {**execution.context, "State": execution.data, "Stack": "s", "Bucket": "b", "Serving": SAID}
    if name == "Check endpoint's owner" or (name == DECIDE and "Next" not in execution.data):
        take_ownership(event, clients)
    if name == DECIDE:
        return world, answer(event, clients)
    if name == "Test endpoint":
        counts[SAGEMAKER] += 1  # InvokeEndpoint
    return ACTS[name.removesuffix(" at once")](world, execution)
