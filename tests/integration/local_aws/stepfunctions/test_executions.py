"""Executions of the embedded AWS: stopped, out of time, named, listed, of versions."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

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


def test_stopping_an_execution_stops_its_training_job(local_aws: LocalAws) -> None:
    request = training_request(local_aws, HyperParameters={**HYPERPARAMETERS, "num_round": "100000000"})
    client, name = local_aws.client("stepfunctions"), request["TrainingJobName"]
    execution = start(local_aws, create_machine(local_aws, task_state(TRAIN, request)))
    until(lambda: "TaskSubmitted" in event_types(local_aws, execution))

    client.stop_execution(executionArn=execution, error="Stopped", cause="by a person")

    found = client.describe_execution(executionArn=execution)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Stopped", "by a person")
    assert found["stopDate"] >= found["startDate"]
    describe = local_aws.client("sagemaker").describe_training_job
    until(lambda: describe(TrainingJobName=name)["TrainingJobStatus"] == "Stopped")
    until(lambda: "ExecutionAborted" in event_types(local_aws, execution))
    again = client.describe_execution(executionArn=execution)
    assert (again["status"], again["stopDate"]) == ("ABORTED", found["stopDate"])


def test_a_state_out_of_time_stops_its_job_run(local_aws: LocalAws) -> None:
    job = create_glue_job(local_aws, "import signal; signal.pause()")
    task = task_state(ETL, {"JobName": job}, TimeoutSeconds=1)
    found = ended(local_aws, start(local_aws, create_machine(local_aws, task)))
    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")
    runs = local_aws.client("glue").get_job_runs
    until(lambda: [run["JobRunState"] for run in runs(JobName=job)["JobRuns"]] == ["STOPPED"])


def test_an_execution_out_of_time_has_timed_out_and_stops_its_job_run(local_aws: LocalAws) -> None:
    client, job = (
        local_aws.client("stepfunctions"),
        create_glue_job(local_aws, "import signal; signal.pause()"),
    )
    definition = {"StartAt": "Etl", "TimeoutSeconds": 1, "States": {"Etl": task_state(ETL, {"JobName": job})}}
    machine = client.create_state_machine(
        name=f"machine-{uuid4().hex}",
        definition=json.dumps(definition),
        roleArn=local_aws.outputs["StateMachineRoleArn"],
    )["stateMachineArn"]
    found = ended(local_aws, start(local_aws, machine))
    assert found["status"] == "TIMED_OUT"
    assert found["stopDate"] > found["startDate"]
    runs = local_aws.client("glue").get_job_runs
    until(lambda: [run["JobRunState"] for run in runs(JobName=job)["JobRuns"]] == ["STOPPED"])
    assert client.describe_execution(executionArn=found["executionArn"])["status"] == "TIMED_OUT"


def test_an_execution_can_be_stopped_as_soon_as_it_is_started(local_aws: LocalAws) -> None:
    machine = create_machine(local_aws, WAIT)
    for _ in range(5):
        execution = start(local_aws, machine)
        local_aws.client("stepfunctions").stop_execution(executionArn=execution)
        found = local_aws.client("stepfunctions").describe_execution(executionArn=execution)
        assert found["status"] == "ABORTED"


def test_a_name_is_one_execution(local_aws: LocalAws) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, WAIT)
    first = start(local_aws, machine, {"x": 1}, name="run")
    assert start(local_aws, machine, {"x": 1}, name="run") == first
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        start(local_aws, machine, {"x": 2}, name="run")
    client.stop_execution(executionArn=first)
    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        start(local_aws, machine, {"x": 1}, name="run")
    with pytest.raises(client.exceptions.ExecutionDoesNotExist):
        client.describe_execution(executionArn=f"{first}-other")
    for invalid in ("a b", "a:b"):
        with pytest.raises(client.exceptions.InvalidName):
            start(local_aws, machine, name=invalid)


def test_executions_are_listed_by_status_page_by_page(local_aws: LocalAws) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, WAIT)
    executions = {start(local_aws, machine, name=f"run-{number}") for number in range(5)}
    stopped = f"{machine.replace(':stateMachine:', ':execution:')}:run-2"
    client.stop_execution(executionArn=stopped)

    def listed(status: str) -> list[str]:
        pages = client.get_paginator("list_executions").paginate(
            stateMachineArn=machine, statusFilter=status, PaginationConfig={"PageSize": 2}
        )
        return [execution["executionArn"] for page in pages for execution in page["executions"]]

    assert sorted(listed("RUNNING")) == sorted(executions - {stopped})
    assert listed("ABORTED") == [stopped]
    assert listed("SUCCEEDED") == []
    for execution in executions:
        client.stop_execution(executionArn=execution)


def test_an_execution_of_a_version_runs_that_version(local_aws: LocalAws) -> None:
    client = local_aws.client("stepfunctions")
    machine = create_machine(local_aws, {"Type": "Pass", "Result": "one", "End": True})
    first = client.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"]
    assert client.publish_state_machine_version(stateMachineArn=machine)["stateMachineVersionArn"] == first
    updated = client.update_state_machine(
        stateMachineArn=machine,
        definition=json.dumps(
            {"StartAt": "Two", "States": {"Two": {"Type": "Pass", "Result": "two", "End": True}}}
        ),
        publish=True,
    )
    second = updated["stateMachineVersionArn"]
    assert second != first
    listed = client.list_state_machine_versions(stateMachineArn=machine)["stateMachineVersions"]
    assert [version["stateMachineVersionArn"] for version in listed] == [second, first]

    for version, output in ((first, "one"), (second, "two")):
        found = ended(local_aws, start(local_aws, version))
        assert json.loads(found["output"]) == output
        assert found["stateMachineVersionArn"] == version
        assert found["stateMachineArn"] == machine
    assert len(client.list_executions(stateMachineArn=machine)["executions"]) == 2


def test_a_state_machine_of_a_used_name_is_created_again_only_if_it_is_the_same(local_aws: LocalAws) -> None:
    client = local_aws.client("stepfunctions")
    machine = create_machine(local_aws, WAIT)
    described = client.describe_state_machine(stateMachineArn=machine)
    same = {key: described[key] for key in ("name", "definition", "roleArn")}
    assert client.create_state_machine(**same)["stateMachineArn"] == machine
    other = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    with pytest.raises(client.exceptions.StateMachineAlreadyExists):
        client.create_state_machine(**{**same, "definition": other})


def test_a_state_machine_keeps_its_tags(local_aws: LocalAws) -> None:
    client = local_aws.client("stepfunctions")
    machine = create_machine(local_aws, WAIT, tags=[{"key": "fingerprint", "value": "a"}])
    client.tag_resource(resourceArn=machine, tags=[{"key": "fingerprint", "value": "b"}])
    assert client.list_tags_for_resource(resourceArn=machine)["tags"] == [
        {"key": "fingerprint", "value": "b"}
    ]
