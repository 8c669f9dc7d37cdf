"""The event buses: events of services and of PutEvents go to rules that match them, and to targets."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from moto.events.models import Rule, events_backends

from include.local_aws.clock import clock
from include.local_aws.events import inputs, targets
from include.local_aws.metrics import record
from include.local_aws.runtime import ACCOUNT_ID, REGION, Runtime

log = logging.getLogger(__name__)

# AWS tries for a day; here what fails is no better a moment later.
_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="events")
_running: list[Runtime] = []


def open_for(runtime: Runtime) -> None:
    """Say which embedded AWS the targets are in."""
    _running[:] = [runtime]


def publish(
    source: str, detail_type: str, detail: dict[str, Any], resources: Sequence[str], *, region: str = REGION
) -> None:
    """
    Put an event of a service onto the default bus.

    :param source: such as ``aws.states``.
    :param resources: ARNs of what it is about.
    """
    deliver("default", make(source, detail_type, detail, resources, clock.now(), region))


def make(
    source: str, detail_type: str, detail: Any, resources: Sequence[str], at: datetime, region: str
) -> inputs.Event:
    """An event: https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html"""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT_ID,
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": list(resources),
        "detail": detail,
    }


def deliver(bus: str, event: inputs.Event) -> None:
    """Send an event to the targets of the rules that match it."""
    rules = events_backends[ACCOUNT_ID][event["region"]].event_buses[bus].rules
    for rule in tuple(rules.values()):
        # A schedule alone has no pattern, which moto takes for one that everything matches.
        listens = rule.state == "ENABLED" and rule.event_pattern.get_pattern()
        if listens and rule.event_pattern.matches_event(event):
            trigger(rule, event)


def trigger(rule: Rule, event: inputs.Event) -> None:
    """Send an event to the targets of a rule, each in its own time."""
    _count(rule, event, "TriggeredRules")
    for target in tuple(rule.targets):
        _pool.submit(_send, rule, target, event)


def _send(rule: Rule, target: dict[str, Any], event: inputs.Event) -> None:
    try:
        text = inputs.payload(target, event, rule.arn)
        delivery = targets.Delivery(target, text, event["id"], event["region"], rule.arn)
        _count(rule, event, "Invocations")
        for runtime in _running:
            targets.send(runtime, delivery)
    except Exception as error:  # noqa: BLE001 - whatever the target answers
        log.warning("rule %s: target %s was not reached: %s", rule.name, target["Arn"], error)
        _count(rule, event, "FailedInvocations")


def _count(rule: Rule, event: inputs.Event, metric: str) -> None:
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    record("AWS/Events", {metric: 1}, {"RuleName": rule.name}, region=event["region"])
