"""EventBridge: moto's rules, whose events and schedules really reach their targets."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend
from moto.events.responses import EventsHandler

from include.local_aws.clock import clock
from include.local_aws.events import bus, patterns, schedules, targets
from include.local_aws.runtime import Runtime

MAX_ENTRIES = 10
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
REQUIRED = ("Source", "DetailType", "Detail")

# What moto keeps without carrying it out, or not as AWS does; left out, it is refused as not supported.
REFUSED = (
    *("create_archive", "describe_archive", "list_archives", "update_archive", "delete_archive"),
    *("start_replay", "describe_replay", "list_replays", "cancel_replay"),
    *("create_connection", "list_connections", "describe_connection", "update_connection"),
    *("delete_connection", "create_api_destination", "list_api_destinations", "describe_api_destination"),
    *("update_api_destination", "delete_api_destination", "create_partner_event_source"),
    *("describe_event_source", "describe_partner_event_source", "delete_partner_event_source"),
    *("put_partner_events", "put_permission", "remove_permission"),
)


def install(runtime: Runtime) -> None:
    """Put the replacements in place."""
    for name in REFUSED:
        delattr(EventsHandler, name)
    patterns.install()
    put_rule, put_targets = EventsBackend.put_rule, EventsBackend.put_targets

    def put_checked_rule(backend: EventsBackend, name: str, **request: Any) -> Any:
        if request.get("scheduled_expression"):
            schedules.next_after(request["scheduled_expression"], clock.now())
        return put_rule(backend, name, **request)

    def put_checked_targets(backend: EventsBackend, *arguments: Any, **request: Any) -> Any:
        for target in request.get("targets") or arguments[-1]:
            targets.check(target)
        return put_targets(backend, *arguments, **request)

    EventsBackend.put_rule = put_checked_rule
    EventsBackend.put_targets = put_checked_targets
    EventsBackend.put_events = _put_events
    EventsHandler.test_event_pattern = _respond_test_event_pattern
    bus.open_for(runtime)
    schedules.start()


def _respond_test_event_pattern(handler: EventsHandler) -> str:
    found = patterns.is_match(handler._get_param("EventPattern"), handler._get_param("Event"))
    return json.dumps({"Result": found})


def _put_events(backend: EventsBackend, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if len(events) > MAX_ENTRIES:
        raise ValidationException(
            "1 validation error detected: Value '[PutEventsRequestEntry]' at 'entries' failed to satisfy"
            f" constraint: Member must have length less than or equal to {MAX_ENTRIES}"
        )
    return [_put_event(backend, entry) for entry in events]


def _put_event(backend: EventsBackend, entry: dict[str, Any]) -> dict[str, Any]:
    for field in REQUIRED:
        if not entry.get(field):
            return _failed(
                "InvalidArgument",
                f"Parameter {field} is not valid. Reason: {field} is a required argument.",
            )
    if entry["Source"].startswith("aws."):
        return _failed("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        return _failed("MalformedDetail", "Detail is malformed.")
    name = backend._normalize_event_bus_arn(entry.get("EventBusName"))
    event = bus.make(
        entry["Source"],
        entry["DetailType"],
        detail,
        entry.get("Resources") or (),
        _time(entry.get("Time")),
        backend.region_name,
    )
    # As on AWS, an event for a bus that is not there is taken, and nobody gets it.
    if name in backend.event_buses:
        bus.deliver(name, event)
    return {"EventId": event["id"]}


def _time(given: Any) -> datetime:
    if given is None:
        return clock.now()
    if isinstance(given, int | float):
        return datetime.fromtimestamp(given, UTC)
    return datetime.fromisoformat(str(given))


def _failed(code: str, message: str) -> dict[str, Any]:
    return {"ErrorCode": code, "ErrorMessage": message}
