"""An update's DeploymentConfig: in which steps traffic shifts, and what watches it how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.sagemaker.exceptions import ValidationError

from include.local_aws.cloudwatch.alarms import look

UPDATE_POLICY = (
    "TrafficRoutingConfiguration",
    "TerminationWaitInSeconds",
    "MaximumExecutionTimeoutInSeconds",
)


# By type of routing: the parameter that says the step's size, and which percentages it may have
# (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html).
SIZES = {"CANARY": ("CanarySize", 1, 50), "LINEAR": ("LinearStepSize", 10, 50)}


@dataclass(frozen=True)
class DeploymentConfig:
    """
    What the embedded AWS heeds of a DeploymentConfig.

    :param percentages: how much of the traffic the new fleet gets, step by step; the last is all of it.
    :param wait_seconds: how long each step is watched.
    :param bake_seconds: how long the old fleet is kept after the last; alarms are heeded until it is
        terminated.
    :param alarms: names of the CloudWatch alarms that roll the update back.
    """

    percentages: tuple[int, ...] = (100,)
    wait_seconds: float = 0
    bake_seconds: float = 0
    alarms: tuple[str, ...] = ()

    def alarming(self, account: str, region: str) -> list[str]:
        """Those of the alarms that are in ALARM now."""
        look(cloudwatch_backends[account][region])
        known = cloudwatch_backends[account][region].alarms
        return [name for name in self.alarms if name in known and known[name].state_value == "ALARM"]


def parse(given: Mapping[str, Any] | None) -> DeploymentConfig:
    """
    Read a DeploymentConfig.

    :raises ValidationError: for what the embedded AWS cannot do.
    """
    if not given:
        return DeploymentConfig()
    _allow("DeploymentConfig", given, ("BlueGreenUpdatePolicy", "AutoRollbackConfiguration"))
    policy = given.get("BlueGreenUpdatePolicy") or {}
    _allow("BlueGreenUpdatePolicy", policy, UPDATE_POLICY)
    routing = policy.get("TrafficRoutingConfiguration") or {}
    percentages = _percentages(routing)
    rollback = given.get("AutoRollbackConfiguration") or {}
    _allow("AutoRollbackConfiguration", rollback, ("Alarms",))
    alarms = tuple(alarm["AlarmName"] for alarm in rollback.get("Alarms") or ())
    wait, bake = routing.get("WaitIntervalInSeconds", 0), policy.get("TerminationWaitInSeconds", 0)
    longest = policy.get("MaximumExecutionTimeoutInSeconds")
    if longest is not None and longest <= len(percentages) * wait + bake:
        raise ValidationError(
            message=f"MaximumExecutionTimeoutInSeconds: {longest} must be more than all waits together"
        )
    return DeploymentConfig(percentages, wait, bake, alarms)


def _percentages(routing: Mapping[str, Any]) -> tuple[int, ...]:
    kind = routing.get("Type", "ALL_AT_ONCE")
    name, least, most = SIZES.get(kind, ("", 0, 0))
    known = ("Type", "WaitIntervalInSeconds", *([name] if name else []))
    _allow("TrafficRoutingConfiguration", routing, known)
    if not name:
        return (100,)
    size = routing.get(name) or {}
    where = f"TrafficRoutingConfiguration.{name}"
    if size.get("Type") != "CAPACITY_PERCENT":
        raise ValidationError(message=f"{where}.Type: the embedded AWS supports CAPACITY_PERCENT only")
    if not least <= size["Value"] <= most:
        raise ValidationError(message=f"{where}.Value: {size['Value']} must be {least} to {most} percent")
    steps = range(size["Value"], 100, size["Value"]) if kind == "LINEAR" else (size["Value"],)
    return (*steps, 100)


def _allow(where: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    if unknown := sorted(given.keys() - set(known)):
        raise ValidationError(
            message=f"{where}.{unknown[0]}: the embedded AWS supports {' and '.join(known)} only"
        )
