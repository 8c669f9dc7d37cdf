"""The embedded AWS's reads that are behind, as AWS's eventually consistent ones may be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from include.local_aws.control import Control, ControlError
from include.local_aws.runtime import OBSERVER_KEY
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.endpoints import settled
from tests.integration.sagemaker_requests import IMAGE, stored_artifact
from tests.integration.state_machines import WAIT, create_machine, ended, event_types, start

SECONDS = 2
FAIL = {"Type": "Fail", "Error": "Broken"}
PASS = {"Type": "Pass", "End": True}


def refused(call: Any, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        call()


def test_only_reads_that_aws_may_answer_late_can_be_behind(control: Control) -> None:
    with pytest.raises(ControlError, match=r"'s3.GetObject' cannot be behind; allowed: .*ListExecutions"):
        control.lag("s3.GetObject", 1)


def test_an_execution_that_has_just_begun_is_not_known_yet(local_aws: LocalAws, control: Control) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, WAIT)
    control.lag("stepfunctions.*Execution*", SECONDS)
    until(lambda: _exists(local_aws, machine))
    execution = start(local_aws, machine)
    for read in (client.describe_execution, client.get_execution_history):
        refused(lambda: read(executionArn=execution), "ExecutionDoesNotExist")  # noqa: B023
    assert execution not in _listed(client, machine)
    observer = local_aws.client("stepfunctions", OBSERVER_KEY)
    assert observer.describe_execution(executionArn=execution)["status"] == "RUNNING"
    until(lambda: execution in _listed(client, machine), SECONDS + 3)
    assert client.describe_execution(executionArn=execution)["status"] == "RUNNING"
    assert event_types(local_aws, execution)
    # A stop takes effect at once; only the reads are late.
    client.stop_execution(executionArn=execution)
    assert client.describe_execution(executionArn=execution)["status"] == "RUNNING"
    listed = _listed(client, machine, statusFilter="RUNNING")[execution]
    assert (listed["status"], listed.get("stopDate")) == ("RUNNING", None)
    assert "ExecutionAborted" not in event_types(local_aws, execution)
    until(lambda: client.describe_execution(executionArn=execution)["status"] == "ABORTED", SECONDS + 3)
    assert event_types(local_aws, execution)[-1] == "ExecutionAborted"


def _listed(client: Any, machine: str, **which: str) -> dict[str, Any]:
    found = client.list_executions(stateMachineArn=machine, **which)["executions"]
    return {execution["executionArn"]: execution for execution in found}


def _exists(aws: LocalAws, machine: str) -> bool:
    try:
        aws.client("stepfunctions").stop_execution(executionArn=start(aws, machine))
    except ClientError:
        return False
    return True


def test_a_redrive_shows_the_state_before_it(local_aws: LocalAws, control: Control) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, FAIL)
    execution = start(local_aws, machine)
    ended(local_aws, execution)
    control.lag("stepfunctions.DescribeExecution", SECONDS)
    until(lambda: _status(client, execution) == "FAILED", SECONDS + 3)
    client.redrive_execution(executionArn=execution)
    before = client.describe_execution(executionArn=execution)
    assert (before["status"], before["redriveCount"], before["error"]) == ("FAILED", 0, "Broken")
    until(lambda: client.describe_execution(executionArn=execution)["redriveCount"] == 1, SECONDS + 3)


def _status(client: Any, execution: str) -> str:
    try:
        return str(client.describe_execution(executionArn=execution)["status"])
    except client.exceptions.ExecutionDoesNotExist:
        return ""


def test_an_update_of_a_state_machine_is_seen_late(local_aws: LocalAws, control: Control) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, PASS)
    control.lag("stepfunctions.*", SECONDS)
    refused(lambda: client.describe_state_machine(stateMachineArn=machine), "StateMachineDoesNotExist")
    until(lambda: _exists(local_aws, machine), SECONDS + 3)
    fails = json.dumps({"StartAt": "Fail", "States": {"Fail": FAIL}})
    version = client.update_state_machine(stateMachineArn=machine, definition=fails, publish=True)
    assert "Fail" not in client.describe_state_machine(stateMachineArn=machine)["definition"]
    refused(lambda: start(local_aws, version["stateMachineVersionArn"]), "State Machine Does Not Exist")
    observer = local_aws.client("stepfunctions", OBSERVER_KEY)
    old = start(local_aws, machine)
    until(lambda: observer.describe_execution(executionArn=old)["status"] == "SUCCEEDED")
    until(lambda: "Fail" in client.describe_state_machine(stateMachineArn=machine)["definition"], SECONDS + 3)
    new = start(local_aws, version["stateMachineVersionArn"])
    until(lambda: observer.describe_execution(executionArn=new)["status"] == "FAILED")


def test_sagemaker_does_not_find_what_was_made_a_moment_ago(
    local_aws: LocalAws, control: Control, models: dict[str, str]
) -> None:
    sagemaker, name = local_aws.client("sagemaker"), f"late-{uuid4().hex}"
    control.lag("sagemaker.*", SECONDS)
    source = sagemaker.describe_model(ModelName=models["model"])
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=source["ExecutionRoleArn"],
        PrimaryContainer=source["PrimaryContainer"],
    )
    variant = {
        "VariantName": "all",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
        "InitialVariantWeight": 1.0,
    }

    def config() -> bool:
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        return True

    def endpoint() -> bool:
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        return True

    assert sagemaker.list_models(NameContains=name)["Models"] == []
    refused(config, rf'Could not find model "arn:aws:sagemaker:.*:model/{name}"')
    until(lambda: _done(config), SECONDS + 3)
    refused(endpoint, rf'Could not find endpoint configuration "arn:aws:sagemaker:.*/{name}"')
    until(lambda: _done(endpoint), SECONDS + 3)
    refused(lambda: sagemaker.describe_endpoint(EndpointName=name), "Could not find endpoint")
    assert sagemaker.list_endpoints(NameContains=name)["Endpoints"] == []
    until(lambda: sagemaker.list_endpoints(NameContains=name)["Endpoints"], SECONDS + 3)
    assert settled(local_aws, name)["EndpointStatus"] == "InService"
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=models["opposite"])
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    until(
        lambda: sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"] == models["opposite"], 15
    )
    sagemaker.delete_endpoint(EndpointName=name)
    assert sagemaker.list_endpoints(NameContains=name)["Endpoints"]
    until(lambda: not sagemaker.list_endpoints(NameContains=name)["Endpoints"], SECONDS + 3)


def _done(call: Any) -> bool:
    try:
        return bool(call())
    except ClientError as error:
        if "Could not find" not in str(error):
            raise
        return False


def test_tagged_resources_are_listed_late_and_still_after_their_end(
    local_aws: LocalAws, control: Control
) -> None:
    sagemaker, tags = local_aws.client("sagemaker"), local_aws.client("resourcegroupstaggingapi")
    name = f"tagged-{uuid4().hex}"
    control.lag("resourcegroupstaggingapi.GetResources", SECONDS)

    def found() -> list[Any]:
        return list(tags.get_resources(TagFilters=[{"Key": name}])["ResourceTagMappingList"])

    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=local_aws.outputs["TrainingRoleArn"],
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": stored_artifact(local_aws)},
        Tags=[{"Key": name, "Value": datetime.now(UTC).isoformat()}],
    )
    assert found() == []
    until(found, SECONDS + 3)
    sagemaker.delete_model(ModelName=name)
    assert found()
    until(lambda: not found(), SECONDS + 3)
