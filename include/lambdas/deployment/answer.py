"""What the state machine is told: a decision as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from . import serving
from .decision import decide
from .facts import Decision, Facts
from .reading import Clients, read_facts, written

AT_ONCE = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
        "TerminationWaitInSeconds": 0,
    }
}


class EndpointDeploymentFailed(Exception):
    """The model was not brought into service; says why."""


def answer(event: dict[str, Any], aws: Clients) -> dict[str, Any]:
    """
    Decide what a deployment does next.

    :param event: ``Execution``, the context object's; ``State``, the execution's data; ``Serving``, what
        model.yaml says of it; ``Bucket``, the stack's, and its ``KmsKeyId``, if it has one;
        ``DeploymentConfig``, where updates are watched by alarms
    :return: ``Action``, the name of the state to go to; what that state needs; and ``Memory``, which is to be
        given back
    :raises EndpointDeploymentFailed: the deployment has failed
    """
    facts = read_facts(event, aws)
    decision = decide(facts)
    if decision.failure:
        raise EndpointDeploymentFailed(decision.failure)
    return _told(event, facts, decision)


def _told(event: dict[str, Any], facts: Facts, decision: Decision) -> dict[str, Any]:
    version, claim, hold = facts.item.version or 0, facts.item.claim, facts.item.hold
    endpoint = event["Execution"]["Input"]["EndpointName"]
    told = {
        "Action": decision.action,
        "Memory": decision.memory.to_json(),
        "Config": decision.config,
        "Item": written(decision.item, endpoint, version + 1) if decision.item else {},
        "Version": str(version),
        "Claimed": claim.config if claim else "",
        "Seconds": decision.seconds,
        "Outcome": decision.outcome,
        "Hold": asdict(hold) if hold else None,
        "RetainAllVariantProperties": decision.retains,
        **_served(event, facts, decision),
    }
    watched = event.get("DeploymentConfig")
    return told | ({"DeploymentConfig": watched if decision.guarded else AT_ONCE} if watched else {})


def _served(event: dict[str, Any], facts: Facts, decision: Decision) -> dict[str, Any]:
    """What our endpoint config is to say; nothing where it is not to be made now."""
    if decision.action != "Create endpoint config" or "Serving" not in event:
        return {"ProductionVariants": [], "DataCaptureConfig": {}, "Notes": []}
    proven, endpoint = facts.item.proven, facts.endpoint
    served = serving.merge(
        serving.read(proven.serving if proven else ""),
        event["Serving"],
        endpoint.live if endpoint else None,
        model=facts.mine.model,
        nowhere=f"s3://{event['Bucket']}/capture",
    )
    return {
        "ProductionVariants": [served.variant],
        "DataCaptureConfig": served.capture,
        "Notes": served.notes,
    }
