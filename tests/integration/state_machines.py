"""State machines and executions that tests share."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from include.local_aws.runtime import OBSERVER_KEY
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.local_aws.glue.glue_jobs import create_glue_job as create_glue_job

WAIT = {"Type": "Wait", "Seconds": 600, "End": True}
TRAIN = "arn:aws:states:::sagemaker:createTrainingJob.sync"
ETL = "arn:aws:states:::glue:startJobRun.sync"


def create_machine(aws: LocalAws, *states: dict[str, Any], **settings: Any) -> str:
    """A state machine of one state after the other."""
    names = [f"State{number}" for number in range(len(states))]
    chained = {
        name: {**state, **({"Next": following} if following else {})}
        for name, state, following in zip(names, states, [*names[1:], None], strict=True)
    }
    return create_defined(aws, {"StartAt": names[0], "States": chained}, **settings)


def create_defined(aws: LocalAws, definition: dict[str, Any], **settings: Any) -> str:
    """A state machine by its definition."""
    arn: str = aws.client("stepfunctions").create_state_machine(
        name=f"machine-{uuid4().hex}",
        definition=json.dumps(definition),
        roleArn=aws.outputs["StateMachineRoleArn"],
        **settings,
    )["stateMachineArn"]
    if aws.looks_with == OBSERVER_KEY:
        # Reads are behind; what a test begins with has been there for long.
        states = aws.client("stepfunctions", aws.login)
        until(lambda: _is_seen(states, arn))
    return arn


def _is_seen(states: Any, machine: str) -> bool:
    try:
        return bool(states.describe_state_machine(stateMachineArn=machine))
    except states.exceptions.StateMachineDoesNotExist:
        return False


def start(aws: LocalAws, machine: str, execution_input: object = None, **settings: Any) -> str:
    """Starts an execution and gives its ARN."""
    arn: str = aws.client("stepfunctions").start_execution(
        stateMachineArn=machine, input=json.dumps(execution_input or {}), **settings
    )["executionArn"]
    return arn


def ended(aws: LocalAws, execution: str) -> dict[str, Any]:
    """The description of an execution, once it has ended."""

    def probe() -> dict[str, Any] | None:
        found: dict[str, Any] = aws.client("stepfunctions").describe_execution(executionArn=execution)
        return None if found["status"] == "RUNNING" else found

    return until(probe)


def result_of(aws: LocalAws, state: dict[str, Any], execution_input: object = None) -> Any:
    """The output of a state, as that of a state machine which has no other."""
    found = ended(aws, start(aws, create_machine(aws, state), execution_input))
    assert found["status"] == "SUCCEEDED", f"{found.get('error')}: {found.get('cause')}"
    return json.loads(found["output"])


def task_state(resource: str, parameters: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """A task state that ends the machine."""
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True, **settings}


def event_types(aws: LocalAws, execution: str, **options: Any) -> list[str]:
    """The types of an execution's events."""
    history = aws.client("stepfunctions").get_execution_history(executionArn=execution, **options)
    return [event["type"] for event in history["events"]]
