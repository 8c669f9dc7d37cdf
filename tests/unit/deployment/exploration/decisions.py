"""The function that decides, run with what it reads of a world."""

from __future__ import annotations

import json
from typing import Any

from include.lambdas.deployment.answer import EndpointDeploymentFailed, answer
from include.lambdas.deployment.decision import PUT_BACK, UNDER_WAY
from include.lambdas.deployment.stopped import put_right
from tests.unit.deployment.exploration import services
from tests.unit.deployment.exploration.services import BY_HAND, Endpoint
from tests.unit.deployment.exploration.world import DECIDE, Execution, World


class Read(Exception):
    """The decision has read the table, and whether who has the claim is at work, and not the endpoint yet."""


class Clients:
    """boto3's clients, as far as the decision reads through them; what was read before is read again."""

    def __init__(self, world: World, reads: tuple[Any, ...], endpoint: Endpoint | None) -> None:
        self.world, self.endpoint = world, endpoint
        self.reads, self.ahead, self.fresh = reads, list(reads), not reads
        self.dynamodb = self.sagemaker = self.stepfunctions = self

    def _read(self, now: Any) -> Any:
        if not self.fresh:
            return self.ahead.pop(0)
        self.reads = (*self.reads, now)
        return now

    def get_item(self, **_: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._read({"Item": self.world.item} if self.world.item else {})
        return found

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        by_arn = {f"arn:{execution.name}": execution.status for execution in self.world.executions}
        found: dict[str, Any] = self._read({"status": by_arn.get(executionArn, "SUCCEEDED")})
        return found

    def describe_endpoint(self, **_: Any) -> dict[str, Any]:
        if self.fresh:
            raise Read
        return services.described(self.endpoint)

    def start_execution(self, name: str, **_: Any) -> dict[str, Any]:
        return {"executionArn": name}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        config = {"EndpointConfigArn": EndpointConfigName, "EndpointConfigName": EndpointConfigName}
        variant = {**SERVED, "ModelName": "m"}
        several = EndpointConfigName == BY_HAND and "several" in self.world.kinds
        green = [{**variant, "VariantName": "green"}] if several else []
        return {**config, "ProductionVariants": [variant, *green]}

    def list_tags(self, ResourceArn: str) -> dict[str, Any]:
        return {"Tags": [] if ResourceArn == BY_HAND else [{"Key": "retraining:model", "Value": "m"}]}


# As somebody has set the endpoint up, and not as model.yaml says.
SERVED = {"VariantName": "blue", "InstanceType": "ml.m5.large", "InitialInstanceCount": 3}
SAID = {"instance_type": "ml.m5.large", "instance_count": 1}
TOLD = (
    *("Action", "Memory", "Config", "Item", "Version", "Claimed", "Outcome"),
    *("ProductionVariants", "DataCaptureConfig", "RetainAllVariantProperties"),
)

_decisions: dict[Any, dict[str, Any] | str] = {}


def decided(
    world: World, execution: Execution, endpoint: Endpoint | None
) -> dict[str, Any] | str | tuple[Any, ...]:
    """What the function answers with, or fails with, or has read first."""
    given = (execution.name, execution.window, execution.policy, execution.hold)
    moments = (execution.moments, execution.versions, endpoint)
    key = (*given, execution.text, *moments, "several" in world.kinds)
    if execution.reads and key in _decisions:
        return _decisions[key]
    clients = Clients(world, execution.reads, endpoint)
    try:
        event = {**execution.context, "State": execution.data, "Serving": SAID, "Bucket": "b"}
        told = answer(event, clients)
    except Read:
        return clients.reads
    except EndpointDeploymentFailed as error:
        _decisions[key] = str(error)
        return str(error)
    waited = told["Memory"].get("waited", 0)
    told["Memory"] = {
        name: value for name, value in told["Memory"].items() if name not in ("asked", "waited")
    }
    if execution.policy == PUT_BACK:
        told["Memory"]["waited"] = min(waited, UNDER_WAY)
    told = {name: told[name] for name in TOLD}
    _decisions[key] = told
    return told


def successor(world: World, stopped: Execution) -> World:
    """The world in which EventBridge has told of an execution's end."""
    ended = {
        "executionArn": f"arn:{stopped.name}",
        "name": stopped.name,
        "stateMachineArn": "arn",
        "input": json.dumps(stopped.given),
    }
    name = put_right(ended, Clients(world, (), None)) if DECIDE in stopped.rules else None
    if name is None:
        return world
    another = stopped.but(
        name=name, policy=PUT_BACK, status="RUNNING", state=DECIDE, data={}, outcome="", redrives=0
    )
    return world.but(executions=(*world.executions, another))
