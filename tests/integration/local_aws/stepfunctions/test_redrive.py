"""RedriveExecution of the embedded AWS: only what failed and what follows runs again."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from include.local_aws.control import Control
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.sagemaker_requests import HYPERPARAMETERS, training_request
from tests.integration.state_machines import (
    ETL,
    TRAIN,
    WAIT,
    create_glue_job,
    create_machine,
    ended,
    event_types,
    start,
    task_state,
)


def failing_once(local_aws: LocalAws, control: Control) -> tuple[str, str]:
    """An execution of two Glue states, the second of which fails the first time; and its first job."""
    first, second = create_glue_job(local_aws, "print(1)"), create_glue_job(local_aws, "print(2)")
    control.fail_job("glue", second, "no capacity")
    one = task_state(ETL, {"JobName": first}, ResultPath="$.First")
    del one["End"]
    two = task_state(ETL, {"JobName": second, "Arguments": {"--seen.$": "$.First.JobRunState"}})
    return start(local_aws, create_machine(local_aws, one, two), {"x": 1}), first


def redrive(local_aws: LocalAws, execution: str, **token: str) -> dict[str, Any]:
    answer: dict[str, Any] = local_aws.client("stepfunctions").redrive_execution(
        executionArn=execution, **token
    )
    return answer


def test_it_goes_on_from_the_state_that_failed_with_that_states_input(
    local_aws: LocalAws, control: Control
) -> None:
    execution, first = failing_once(local_aws, control)
    failed = ended(local_aws, execution)
    assert (failed["status"], failed["redriveCount"], failed["redriveStatus"]) == ("FAILED", 0, "REDRIVABLE")
    assert "redriveDate" not in failed

    redriven = redrive(local_aws, execution)
    found = ended(local_aws, execution)

    assert found["status"] == "SUCCEEDED"
    assert json.loads(found["output"])["Arguments"]["--seen"] == "SUCCEEDED"
    assert found["startDate"] == failed["startDate"]
    assert found["stopDate"] > failed["stopDate"]
    assert (found["redriveCount"], found["redriveDate"]) == (1, redriven["redriveDate"])
    assert "error" not in found
    assert "cause" not in found
    assert len(local_aws.client("glue").get_job_runs(JobName=first)["JobRuns"]) == 1


def test_the_history_goes_on(local_aws: LocalAws, control: Control) -> None:
    execution, _ = failing_once(local_aws, control)
    before = len(event_types(local_aws, ended(local_aws, execution)["executionArn"]))
    redrive(local_aws, execution)
    ended(local_aws, execution)
    events = local_aws.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert events[before - 1]["type"] == "ExecutionFailed"
    again = events[before:]
    # The task is scheduled again, not entered again.
    assert [event["type"] for event in again[:2]] == ["ExecutionRedriven", "TaskScheduled"]
    assert again[0]["executionRedrivenEventDetails"] == {"redriveCount": 1}
    assert [event["type"] for event in again[-2:]] == ["TaskStateExited", "ExecutionSucceeded"]


def test_while_it_runs_again_it_has_no_end(local_aws: LocalAws) -> None:
    client = local_aws.client("stepfunctions")
    execution = start(local_aws, create_machine(local_aws, WAIT))
    client.stop_execution(executionArn=execution, error="Stopped", cause="by a person")
    redrive(local_aws, execution)
    found = client.describe_execution(executionArn=execution)
    assert found["status"] == "RUNNING"
    assert not {"stopDate", "error", "cause"} & found.keys()
    machine = found["stateMachineArn"]
    (listed,) = client.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    assert (listed["executionArn"], listed["redriveCount"]) == (execution, 1)
    assert client.list_executions(stateMachineArn=machine, redriveFilter="NOT_REDRIVEN")["executions"] == []
    client.stop_execution(executionArn=execution)


def test_what_was_stopped_as_soon_as_it_started_goes_on_too(local_aws: LocalAws) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, {"Type": "Pass"}, WAIT)
    for _ in range(5):
        execution = start(local_aws, machine)
        client.stop_execution(executionArn=execution)
        redrive(local_aws, execution)
        until(lambda: "WaitStateEntered" in event_types(local_aws, execution))  # noqa: B023
        client.stop_execution(executionArn=execution)


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_what_runs_or_has_succeeded_is_not_redrivable(local_aws: LocalAws, status: str) -> None:
    client = local_aws.client("stepfunctions")
    state = WAIT if status == "RUNNING" else {"Type": "Succeed"}
    execution = start(local_aws, create_machine(local_aws, state))
    until(lambda: client.describe_execution(executionArn=execution)["status"] == status)
    reason = f"Execution is {status} and cannot be redriven"
    with pytest.raises(client.exceptions.ExecutionNotRedrivable, match=reason):
        redrive(local_aws, execution)
    found = client.describe_execution(executionArn=execution)
    assert (found["redriveStatus"], found["redriveStatusReason"]) == ("NOT_REDRIVABLE", reason)
    client.stop_execution(executionArn=execution)


def test_what_does_not_exist_is_said_to_be_so(local_aws: LocalAws) -> None:
    machine = create_machine(local_aws, WAIT)
    with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
        redrive(local_aws, f"{machine.replace(':stateMachine:', ':execution:')}:nobody")


def test_the_same_token_is_the_same_redrive(local_aws: LocalAws) -> None:
    execution = start(local_aws, create_machine(local_aws, {"Type": "Fail", "Error": "E"}))
    ended(local_aws, execution)
    dates = []
    for token in ("one", "one", "two", "one"):
        dates.append(redrive(local_aws, execution, clientToken=token)["redriveDate"])
        found = ended(local_aws, execution)
    assert dates[0] == dates[1] == dates[3] < dates[2]
    assert found["redriveCount"] == 2


def test_a_fail_state_is_entered_again_and_fails_again(local_aws: LocalAws) -> None:
    machine = create_machine(local_aws, {"Type": "Pass"}, {"Type": "Fail", "Error": "TooLow", "Cause": "0.2"})
    execution = start(local_aws, machine)
    ended(local_aws, execution)
    redrive(local_aws, execution)
    found = ended(local_aws, execution)
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "TooLow", "0.2")
    assert event_types(local_aws, execution)[-3:] == [
        "ExecutionRedriven",
        "FailStateEntered",
        "ExecutionFailed",
    ]


def test_an_execution_out_of_time_gets_its_time_again(local_aws: LocalAws) -> None:
    client = local_aws.client("stepfunctions")
    definition = {
        "StartAt": "Wait",
        "TimeoutSeconds": 1,
        "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}},
    }
    machine = client.create_state_machine(
        name=f"machine-{uuid4().hex}",
        definition=json.dumps(definition),
        roleArn=local_aws.outputs["StateMachineRoleArn"],
    )["stateMachineArn"]
    execution = start(local_aws, machine)
    assert ended(local_aws, execution)["status"] == "TIMED_OUT"
    redriven = redrive(local_aws, execution)["redriveDate"]
    found = ended(local_aws, execution)
    assert (found["status"], found["redriveCount"]) == ("TIMED_OUT", 1)
    assert (found["stopDate"] - redriven).total_seconds() >= 1


def test_retries_begin_anew(local_aws: LocalAws, control: Control) -> None:
    job = create_glue_job(local_aws, "print(1)")
    control.fail_job("glue", job, times=3)
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    machine = create_machine(local_aws, task_state(ETL, {"JobName": job}, Retry=retry))
    execution = start(local_aws, machine)
    assert ended(local_aws, execution)["status"] == "FAILED"
    redrive(local_aws, execution)
    # Its one retry was used up before the redrive.
    assert ended(local_aws, execution)["status"] == "SUCCEEDED"
    assert event_types(local_aws, execution).count("TaskScheduled") == 4


def test_a_stopped_training_can_be_redriven_at_once_under_a_name_of_its_own(local_aws: LocalAws) -> None:
    client = local_aws.client("stepfunctions")
    endless = {**HYPERPARAMETERS, "num_round": "100000000"}
    request = training_request(local_aws, HyperParameters=endless)
    name = request.pop("TrainingJobName")
    naming = f"States.Format('{name}-{{}}', $$.Execution.RedriveCount)"
    machine = create_machine(local_aws, task_state(TRAIN, {**request, "TrainingJobName.$": naming}))
    execution = start(local_aws, machine)
    for number in range(2):
        until(lambda: event_types(local_aws, execution).count("TaskSubmitted") == number + 1)  # noqa: B023
        client.stop_execution(executionArn=execution)
        if number == 0:
            redrive(local_aws, execution)
    describe = local_aws.client("sagemaker").describe_training_job
    for number in range(2):
        job = f"{name}-{number}"
        until(lambda: describe(TrainingJobName=job)["TrainingJobStatus"] == "Stopped")  # noqa: B023
