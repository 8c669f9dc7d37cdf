"""
What executions tell of themselves when their status changes: events and metrics.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html, with the fields that
LocalStack recorded (stepfunctions/v2/base, test_event_bridge_events_base), and
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from include.local_aws.events import bus
from include.local_aws.metrics import record
from include.local_aws.stepfunctions import executions
from include.local_aws.stepfunctions.executions import Execution
from include.local_aws.stepfunctions.redrive import redrive_state

# Metrics by status; a redrive counts as no further start.
METRICS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "ABORTED": "ExecutionsAborted",
    "TIMED_OUT": "ExecutionsTimedOut",
}


def install() -> None:
    """Let executions tell."""
    executions.told.append(_tell)


def _tell(execution: Execution) -> None:
    arn, region = execution.execution_arn, execution.region_name
    bus.publish(
        "aws.states", "Step Functions Execution Status Change", _detail(execution), [arn], region=region
    )
    machine = {"StateMachineArn": execution.state_machine_arn}
    status = str(execution.exec_status.value)
    if status in METRICS:
        took = (execution.stop_date - execution.start_date).total_seconds() * 1000
        record("AWS/States", {METRICS[status]: 1}, machine, region=region)
        record("AWS/States", {"ExecutionTime": took}, machine, unit="Milliseconds", region=region)
    elif not execution.redrive_count:
        record("AWS/States", {"ExecutionsStarted": 1}, machine, region=region)


def _detail(execution: Execution) -> dict[str, Any]:
    redrive = redrive_state(execution)
    succeeded = execution.exec_status == "SUCCEEDED"
    return {
        "executionArn": execution.execution_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": str(execution.exec_status.value),
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date),
        "input": execution.execution_input,
        "output": json.dumps(execution.output) if succeeded else None,
        "stateMachineVersionArn": execution.version_arn,
        "stateMachineAliasArn": None,
        "redriveCount": execution.redrive_count,
        "redriveDate": _milliseconds(execution.redrive_date),
        "redriveStatus": redrive["redriveStatus"],
        "redriveStatusReason": redrive.get("redriveStatusReason"),
        "inputDetails": {"included": True},
        "outputDetails": {"included": True} if succeeded else None,
        "error": execution.error,
        "cause": execution.cause,
    }


def _milliseconds(date: datetime | None) -> int | None:
    return int(date.timestamp() * 1000) if date else None
