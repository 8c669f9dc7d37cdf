"""An update's DeploymentConfig: how long the new model is watched, and by which alarms."""

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


@dataclass(frozen=True)
class DeploymentConfig:
    """
    What the embedded AWS heeds of a DeploymentConfig.

    :param bake_seconds: how long the new model serves under watch, the old fleet kept, before the update is
        done: both of the policy's waits, as alarms are heeded until the old fleet is terminated.
    :param alarms: names of the CloudWatch alarms that roll the update back.
    """

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
    _allow("TrafficRoutingConfiguration", routing, ("Type", "WaitIntervalInSeconds"))
    if (kind := routing.get("Type", "ALL_AT_ONCE")) != "ALL_AT_ONCE":
        raise ValidationError(
            message=f"TrafficRoutingConfiguration.Type: the embedded AWS supports ALL_AT_ONCE, got {kind!r}"
        )
    rollback = given.get("AutoRollbackConfiguration") or {}
    _allow("AutoRollbackConfiguration", rollback, ("Alarms",))
    alarms = tuple(alarm["AlarmName"] for alarm in rollback.get("Alarms") or ())
    waits = routing.get("WaitIntervalInSeconds", 0) + policy.get("TerminationWaitInSeconds", 0)
    return DeploymentConfig(waits, alarms)


def _allow(where: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    if unknown := sorted(given.keys() - set(known)):
        raise ValidationError(
            message=f"{where}.{unknown[0]}: the embedded AWS supports {' and '.join(known)} only"
        )
