"""What Step Functions says of executions, asked with a state machine that does nothing."""

from __future__ import annotations

import json
from typing import Any

from scripts.verify.evidence import Evidence
from scripts.verify.probes import answer, patiently, until

# So long an execution runs, to be seen as running.
RUNS_SECONDS = 20
DEFINITION = {
    "StartAt": "Choose",
    "States": {
        "Choose": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.fail", "BooleanEquals": True, "Next": "Broken"}],
            "Default": "Wait",
        },
        "Broken": {"Type": "Fail", "Error": "Probe", "Cause": "asked for"},
        "Wait": {"Type": "Wait", "Seconds": RUNS_SECONDS, "End": True},
    },
}


def probe_executions(evidence: Evidence) -> None:
    """Start, start again, list, describe and redrive executions."""
    states = evidence.client("stepfunctions")
    machine = states.create_state_machine(
        name=evidence.names.probe,
        definition=json.dumps(DEFINITION),
        roleArn=evidence.outputs["StateMachineRoleArn"],
    )["stateMachineArn"]
    evidence.answers["list with PENDING_REDRIVE"] = answer(
        lambda: states.list_executions(stateMachineArn=machine, statusFilter="PENDING_REDRIVE")
    )
    given: dict[str, Any] = {"stateMachineArn": machine, "name": "probe", "input": '{"fail": false}'}
    arn = patiently(lambda: states.start_execution(**given))["executionArn"]
    evidence.seconds["describe after start"] = until(lambda: states.describe_execution(executionArn=arn))
    evidence.answers["start again, same input"] = answer(lambda: states.start_execution(**given))
    other = {**given, "input": '{"fail": true}'}
    evidence.answers["start again, other input"] = answer(lambda: states.start_execution(**other))
    evidence.seconds["list after start"] = until(lambda: arn in _running(states, machine), RUNS_SECONDS)
    until(lambda: _status(states, arn) == "SUCCEEDED")
    evidence.seconds["list after end"] = until(lambda: arn not in _running(states, machine))
    evidence.answers["start again, ended"] = answer(lambda: states.start_execution(**given))
    failed = states.start_execution(**{**other, "name": "probe-that-fails"})["executionArn"]
    until(lambda: _status(states, failed) == "FAILED")
    evidence.answers["redrive"] = answer(lambda: states.redrive_execution(executionArn=failed))
    evidence.seconds["describe after redrive"] = until(
        lambda: states.describe_execution(executionArn=failed).get("redriveCount") == 1
    )
    unknown = arn.rpartition(":")[0] + ":never-started"
    evidence.answers["describe what never was"] = answer(
        lambda: states.describe_execution(executionArn=unknown)
    )


def probe_definition(evidence: Evidence) -> None:
    """Let AWS validate the definition that was compiled for it."""
    states = evidence.client("stepfunctions")
    role = evidence.outputs["StateMachineRoleArn"].split(":")
    arn = f"arn:{role[1]}:states:{evidence.account.region}:{role[4]}:stateMachine:"
    machine = states.describe_state_machine(
        stateMachineArn=f"{arn}{evidence.names.stack}-{evidence.names.model}"
    )
    found = states.validate_state_machine_definition(definition=machine["definition"], type="STANDARD")
    messages = [f"{item['code']}: {item['message']}" for item in found["diagnostics"]]
    evidence.facts["definition"] = "; ".join([found["result"], *messages])


def _running(states: Any, machine: str) -> list[str]:
    found = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    return [item["executionArn"] for item in found]


def _status(states: Any, arn: str) -> str:
    return str(states.describe_execution(executionArn=arn)["status"])
