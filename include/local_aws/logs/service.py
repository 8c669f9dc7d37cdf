"""CloudWatch Logs: moto's groups and streams, read as AWS reads them."""

from __future__ import annotations

import json
from typing import Any

from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.models import LogGroup, LogsBackend, LogStream
from moto.logs.responses import LogsResponse

from include.local_aws.logs.filter_pattern import matcher
from include.local_aws.runtime import Runtime

NO_GROUP = "The specified log group does not exist."
NO_STREAM = "The specified log stream does not exist."
MAX_EVENTS = 10_000

# What moto records without effect, or carries out in part: queries know no filter, and what is to be sent
# elsewhere holds up who writes. Left out, they are refused as not supported.
REFUSED = (
    *("start_query", "describe_queries", "get_query_results", "start_live_tail"),
    *("put_metric_filter", "describe_metric_filters", "delete_metric_filter"),
    *("put_subscription_filter", "describe_subscription_filters", "delete_subscription_filter"),
    *("put_destination", "delete_destination", "describe_destinations", "put_destination_policy"),
    *("create_export_task", "describe_export_tasks", "cancel_export_task"),
    *("put_delivery_destination", "get_delivery_destination", "describe_delivery_destinations"),
    *("put_delivery_destination_policy", "get_delivery_destination_policy"),
    *("delete_delivery_destination", "delete_delivery_destination_policy"),
    *("put_delivery_source", "describe_delivery_sources", "get_delivery_source", "delete_delivery_source"),
    *("create_delivery", "describe_deliveries", "get_delivery", "delete_delivery"),
)


def install(_runtime: Runtime) -> None:
    """Put the corrections in place."""
    for name in REFUSED:
        delattr(LogsResponse, name)
    LogsBackend._find_log_group = _find_log_group
    LogsResponse.filter_log_events = _respond_filter_log_events
    _correct_get_log_events()
    _correct_describe_log_groups()


def _find_log_group(
    backend: LogsBackend, log_group_id: str | None = None, log_group_name: str | None = None
) -> LogGroup:
    """By name or ARN; of an ARN moto takes whichever group it has last."""
    wanted = log_group_name or log_group_id
    if wanted is None:
        raise InvalidParameterException("Either logGroupName or logGroupIdentifier is needed.")
    for group in backend.groups.values():
        if wanted in (group.name, group.arn):
            return group
    raise ResourceNotFoundException(NO_GROUP)


def _correct_get_log_events() -> None:
    read_group, read_stream = LogGroup.get_log_events, LogStream.get_log_events

    def get_group_events(group: LogGroup, log_stream_name: str, *arguments: Any) -> Any:
        if log_stream_name not in group.streams:
            raise ResourceNotFoundException(NO_STREAM)
        return read_group(group, log_stream_name, *arguments)

    def get_stream_events(
        stream: LogStream,
        start_time: int | None,
        end_time: int | None,
        limit: int | None,
        next_token: str | None,
        start_from_head: bool,
    ) -> Any:
        # "Events with a timestamp equal to or later than this time are not included":
        # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
        until = end_time - 1 if end_time else None
        events, backward, forward = read_stream(stream, start_time, until, limit, next_token, start_from_head)
        if not events and (next_token or "").startswith("b"):
            # Nothing is before; what comes next is the first event, which moto leaves out.
            forward = f"f/{-1:056d}"
        return events, backward, forward

    LogGroup.get_log_events = get_group_events
    LogStream.get_log_events = get_stream_events


def _correct_describe_log_groups() -> None:
    describe = LogsResponse.describe_log_groups

    def respond(response: LogsResponse) -> str:
        if response._get_param("logGroupNamePattern"):
            raise InvalidParameterException(
                "The embedded AWS does not support logGroupNamePattern in DescribeLogGroups"
            )
        return str(describe(response))

    LogsResponse.describe_log_groups = respond


def _respond_filter_log_events(response: LogsResponse) -> str:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html"""
    said = response._get_param
    group = response.logs_backend._find_log_group(said("logGroupIdentifier"), said("logGroupName"))
    limit = said("limit") or MAX_EVENTS
    if limit > MAX_EVENTS:
        raise InvalidParameterException(
            constraint=f"Member must have value less than or equal to {MAX_EVENTS}",
            parameter="limit",
            value=limit,
        )
    matches = matcher(said("filterPattern") or "")
    begin, end = said("startTime"), said("endTime")
    after = _position(said("nextToken"))
    found = sorted(
        (event.timestamp, event.event_id, event.message, event.ingestion_time, stream.log_stream_name)
        for stream in _streams(group, said("logStreamNames"), said("logStreamNamePrefix"))
        for event in tuple(stream.events)
        if (begin is None or event.timestamp >= begin)
        and (end is None or event.timestamp <= end)
        and (event.timestamp, event.event_id) > after
        and matches(event.message)
    )
    page = [
        {
            "timestamp": timestamp,
            "eventId": f"{number:056d}",
            "message": message,
            "ingestionTime": ingested,
            "logStreamName": stream,
        }
        for timestamp, number, message, ingested, stream in found[:limit]
    ]
    answer: dict[str, Any] = {"events": page, "searchedLogStreams": []}
    if len(found) > limit:
        timestamp, number, *_ = found[limit - 1]
        answer["nextToken"] = f"{timestamp}/{number}"
    return json.dumps(answer)


def _position(token: str | None) -> tuple[int, int]:
    if not token:
        return (-1, -1)
    timestamp, _, number = token.partition("/")
    if not (timestamp.isdecimal() and number.isdecimal()):
        raise InvalidParameterException("The specified nextToken is invalid.")
    return int(timestamp), int(number)


def _streams(group: LogGroup, names: list[str] | None, prefix: str | None) -> list[LogStream]:
    if names and prefix:
        raise InvalidParameterException("logStreamNames and logStreamNamePrefix are mutually exclusive.")
    if any(name not in group.streams for name in names or ()):
        raise ResourceNotFoundException(NO_STREAM)
    return [
        stream
        for name, stream in tuple(group.streams.items())
        if (not names or name in names) and name.startswith(prefix or "")
    ]
