"""
arn:aws:states:::states:startExecution, .sync and .sync:2: an execution within another, which ends with it.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html: .sync gives the child's
output as a string of JSON, .sync:2 as JSON. moto asks for the child's state ten times a second by HTTP, and
lets it run on when its parent is stopped.
"""

from __future__ import annotations

import json
from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from include.local_aws.runtime import ACCOUNT_ID
from include.local_aws.stepfunctions.json_times import json_ready, milliseconds
from include.local_aws.stepfunctions.sync_job import SyncJobTask

# As AWS answered LocalStack (services/test_sfn_task_service.snapshot.json).
SHOWN = (
    *(
        "cause",
        "error",
        "executionArn",
        "input",
        "inputDetails",
        "name",
        "output",
        "outputDetails",
        "startDate",
    ),
    *("stateMachineArn", "status", "stopDate"),
)


class NestedExecutionTask(SyncJobTask, StateTaskServiceSfn):  # type: ignore[misc]
    """A task that starts an execution."""

    def is_pending(self, region: str, started: dict[str, Any]) -> bool:
        backend = stepfunctions_parser_backends[ACCOUNT_ID][region]
        return bool(backend.describe_execution(started["ExecutionArn"]).is_running)

    def describe(self, client: Any, started: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        found = client.describe_execution(executionArn=started["ExecutionArn"])
        shown = {_pascal(name): _details(found[name]) for name in SHOWN if name in found}
        if self.resource.condition == ResourceCondition.Sync2:
            shown |= {name: json.loads(shown[name]) for name in ("Input", "Output") if name in shown}
        return json_ready(shown, milliseconds), found["status"] == "SUCCEEDED"

    def stop(self, client: Any, started: dict[str, Any]) -> None:
        client.stop_execution(executionArn=started["ExecutionArn"])


def _pascal(name: str) -> str:
    return name[0].upper() + name[1:]


def _details(value: Any) -> Any:
    return {_pascal(name): item for name, item in value.items()} if isinstance(value, dict) else value
