"""Executions of the embedded AWS write their history where their state machine's logging says."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws
from tests.integration.state_machines import create_machine, ended, start

FAIL = {"Type": "Fail", "Error": "SomeFailure", "Cause": "on purpose"}
PASS = {"Type": "Pass", "Result": {"a": 1}}


@pytest.fixture
def group(local_aws: LocalAws) -> str:
    name = f"/aws/vendedlogs/states/{uuid4().hex}"
    local_aws.client("logs").create_log_group(logGroupName=name)
    return name


def _logging(group: str, level: str, data: bool = False) -> dict[str, Any]:
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"
    destination = {"cloudWatchLogsLogGroup": {"logGroupArn": arn}}
    return {"level": level, "includeExecutionData": data, "destinations": [destination]}


def _logged(aws: LocalAws, group: str, *states: dict[str, Any], **logging: Any) -> list[dict[str, Any]]:
    machine = create_machine(aws, *states, loggingConfiguration=_logging(group, **logging))
    execution = start(aws, machine, {"secret": 1})
    ended(aws, execution)
    found = aws.client("logs").filter_log_events(logGroupName=group, logStreamNamePrefix="states/")
    events: list[dict[str, Any]] = [json.loads(event["message"]) for event in found["events"]]
    assert all(event["execution_arn"] == execution for event in events)
    return events


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"level": "ALL"}, "Must specify exactly one Log Destination."),
        (_logging("/elsewhere", "ALL"), "Log Destination not found."),
    ],
)
def test_logging_to_nowhere_is_refused(local_aws: LocalAws, given: dict[str, Any], reason: str) -> None:
    # LocalStack's test_sfn_api_logs recorded this of AWS.
    with pytest.raises(ClientError, match=f"Invalid Logging Configuration: {reason}") as refused:
        create_machine(local_aws, {"Type": "Succeed"}, loggingConfiguration=given)
    assert refused.value.response["Error"]["Code"] == "InvalidLoggingConfiguration"


@pytest.mark.parametrize(
    ("level", "types"),
    [
        (
            "ALL",
            [
                "ExecutionStarted",
                "PassStateEntered",
                "PassStateExited",
                "FailStateEntered",
                "ExecutionFailed",
            ],
        ),
        ("ERROR", ["FailStateEntered", "ExecutionFailed"]),
        ("FATAL", ["ExecutionFailed"]),
    ],
)
def test_the_level_says_which_events_are_written(
    local_aws: LocalAws, group: str, level: str, types: list[str]
) -> None:
    events = _logged(local_aws, group, PASS, FAIL, level=level)
    assert [event["type"] for event in events] == types
    # LocalStack's stepfunctions/v2/logs/test_logs recorded this of AWS.
    assert events[-1]["details"] == {"cause": "on purpose", "error": "SomeFailure"}
    assert events[-1]["redrive_count"] == "0"
    assert events[-1].keys() == {
        *("id", "type", "details", "previous_event_id", "event_timestamp", "execution_arn", "redrive_count")
    }


@pytest.mark.parametrize("data", [True, False])
def test_data_is_written_where_it_is_asked_for(local_aws: LocalAws, group: str, data: bool) -> None:
    started, *_, succeeded = _logged(local_aws, group, PASS, {"Type": "Succeed"}, level="ALL", data=data)
    assert ("input" in started["details"]) is data
    assert ("output" in succeeded["details"]) is data
    assert "secret" not in json.dumps(started) or data
