"""Faults that tests and benchmarks put into the embedded AWS."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from include.local_aws.control import Control, ControlError
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.sagemaker_requests import trained, training_request
from tests.integration.state_machines import WAIT, create_glue_job, create_machine, start

START = "stepfunctions.StartExecution"
LIST = "stepfunctions.ListExecutions"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            {},
            "kind: None is not allowed; throttle, fail_call, delay_call, drop_reply, fail_reply, delay_reply",
        ),
        ({"kind": "explode"}, "kind: 'explode' is not allowed"),
        ({"kind": "throttle", "operation": LIST}, "rate: throttle needs it"),
        ({"kind": "throttle", "operation": LIST, "rate": 1.5}, "rate: 1.5 is not allowed; allowed: 0 to 1"),
        ({"kind": "throttle", "operation": LIST, "rate": True}, "rate: True is not allowed"),
        (
            {"kind": "throttle", "operation": f"{LIST}s", "rate": 1},
            "did you mean stepfunctions.ListExecutions",
        ),
        ({"kind": "drop_reply", "operation": "states.ListExecutions"}, "'states.ListExecutions' is none"),
        ({"kind": "drop_reply", "operation": LIST, "times": 0}, "times: 0 is not allowed"),
        (
            {"kind": "drop_reply", "operation": LIST, "often": 1},
            "often: unknown field of drop_reply; its fields",
        ),
        ({"kind": "fail_call", "operation": LIST, "code": "E", "status": 200}, "status: 200 is not allowed"),
        ({"kind": "delay_reply", "operation": LIST, "seconds": -1}, "seconds: -1 is not allowed"),
        (
            {"kind": "fail_job", "service": "emr", "name": "*"},
            "service: 'emr' is not allowed; allowed: sagemaker",
        ),
        ([], r"a fault is a JSON object, not \[\]"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_the_reason(
    control: Control, fault: object, message: str
) -> None:
    with pytest.raises(ControlError, match=message):
        control.ask("POST", "faults", fault)
    assert control.faults() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status"),
    [
        ("POST", "faults", b"{", "application/json", 400),
        ("POST", "faults", b'{"kind": "lag", "operation": "*", "seconds": 1}', "text/plain", 415),
        ("PATCH", "faults", b"{}", "application/json", 405),
        ("GET", "secrets", None, "application/json", 404),
    ],
)
def test_requests_that_are_none_are_refused(
    local_aws: LocalAws, control: Control, method: str, path: str, body: bytes | None, kind: str, status: int
) -> None:
    url = f"{local_aws.endpoint_url}/_local_aws/{path}"
    request = Request(url, body, {"Content-Type": kind}, method=method)  # noqa: S310
    with pytest.raises(HTTPError) as refused:
        urlopen(request)  # noqa: S310
    assert refused.value.code == status
    assert json.loads(refused.value.read())["error"]
    assert control.faults() == []


def test_a_share_of_requests_is_throttled_the_same_ones_for_the_same_seed(
    local_aws: LocalAws, control: Control
) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, WAIT)

    def refused(seed: int) -> list[int]:
        control.clear_faults()
        control.throttle(LIST, 0.5, seed)
        found = []
        for number in range(60):
            try:
                client.list_executions(stateMachineArn=machine)
            except client.exceptions.ClientError as error:
                found.append(number)
                codes.add(error.response["Error"]["Code"])
        return found

    codes: set[str] = set()
    first = refused(7)
    assert 15 < len(first) < 45
    assert codes == {"ThrottlingException"}
    assert control.requests().throttled == {LIST: len(first)}
    assert refused(7) == first
    assert refused(8) != first
    client.describe_state_machine(stateMachineArn=machine)


def test_a_call_fails_as_often_as_asked_for_and_has_no_effect(local_aws: LocalAws, control: Control) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, WAIT)
    control.fail_call(START, "InternalServerError", 503, times=2)
    for left in (1, 0):
        with pytest.raises(ClientError, match="InternalServerError") as error:
            start(local_aws, machine, name="run")
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert [fault["times"] for fault in control.faults()] == [left] * bool(left)
    assert client.list_executions(stateMachineArn=machine)["executions"] == []
    client.stop_execution(executionArn=start(local_aws, machine, name="run"))


@pytest.mark.parametrize(
    ("service", "operation", "call"),
    [
        ("s3", "ListObjectsV2", lambda s3: s3.list_objects_v2(Bucket="any")),
        ("cloudformation", "DescribeStacks", lambda cloudformation: cloudformation.describe_stacks()),
        ("lambda", "GetFunction", lambda functions: functions.get_function(FunctionName="any")),
        (
            "sagemaker-runtime",
            "InvokeEndpoint",
            lambda endpoint: endpoint.invoke_endpoint(EndpointName="any", Body=b""),
        ),
        ("glue", "GetJob", lambda glue: glue.get_job(JobName="any")),
    ],
)
def test_every_service_speaks_its_own_errors(
    local_aws: LocalAws, control: Control, service: str, operation: str, call: Any
) -> None:
    control.fail_call(f"{service}.{operation}", "ServiceUnavailable", 503)
    with pytest.raises(ClientError) as error:
        call(local_aws.client(service))
    assert error.value.response["Error"]["Code"] == "ServiceUnavailable"
    assert error.value.response["Error"]["Message"] == "This fault was asked for."
    assert control.requests().counts[f"{service}.{operation}"] == 1


def test_a_reply_is_dropped_after_the_call_took_effect(local_aws: LocalAws, control: Control) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, WAIT)
    control.drop_reply(START)
    with pytest.raises(ConnectionClosedError):
        start(local_aws, machine, name="run")
    (listed,) = client.list_executions(stateMachineArn=machine)["executions"]
    assert start(local_aws, machine, name="run") == listed["executionArn"]
    client.stop_execution(executionArn=listed["executionArn"])


def test_a_reply_can_be_late(local_aws: LocalAws, control: Control) -> None:
    machine = create_machine(local_aws, WAIT)
    control.delay_reply("stepfunctions.*", 1, times=1)
    seconds = []
    for _ in range(2):
        began = time.monotonic()
        local_aws.client("stepfunctions").describe_state_machine(stateMachineArn=machine)
        seconds.append(time.monotonic() - began)
    assert seconds[0] >= 1 > seconds[1]


def test_a_list_can_be_behind(local_aws: LocalAws, control: Control) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, WAIT)
    control.lag(LIST, 1)
    execution = start(local_aws, machine)

    def listed() -> list[Any]:
        return list(client.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"])

    assert listed() == []
    assert client.describe_execution(executionArn=execution)["status"] == "RUNNING"
    until(listed, 5)
    client.stop_execution(executionArn=execution)


def test_training_jobs_and_job_runs_fail_by_name(local_aws: LocalAws, control: Control) -> None:
    sagemaker, name = local_aws.client("sagemaker"), f"doomed-{uuid4().hex}"
    control.fail_job("sagemaker", "doomed-*", "CapacityError: no instance is left")
    other = training_request(local_aws)
    for job in (other, training_request(local_aws, TrainingJobName=name)):
        sagemaker.create_training_job(**job)
    assert trained(local_aws, name)["FailureReason"] == "CapacityError: no instance is left"
    # Waited for, as it keeps others from running.
    assert trained(local_aws, other["TrainingJobName"])["TrainingJobStatus"] == "Completed"
    assert control.faults() == []

    glue, job_name = local_aws.client("glue"), create_glue_job(local_aws, "print('done')")
    control.fail_job("glue", job_name)
    states = []
    for _ in range(2):
        run = glue.start_job_run(JobName=job_name)["JobRunId"]
        states.append(until(lambda: _ended_state(glue, job_name, run)))  # noqa: B023
    assert states == ["FAILED", "SUCCEEDED"]


def _ended_state(glue: Any, job: str, run: str) -> str | None:
    state: str = glue.get_job_run(JobName=job, RunId=run)["JobRun"]["JobRunState"]
    return None if state in ("STARTING", "RUNNING") else state


def test_a_job_that_takes_longer_can_be_stopped_meanwhile(local_aws: LocalAws, control: Control) -> None:
    glue, job = local_aws.client("glue"), create_glue_job(local_aws, "print('done')")
    control.delay_job("glue", job, 600)
    run = glue.start_job_run(JobName=job)["JobRunId"]
    until(lambda: glue.get_job_run(JobName=job, RunId=run)["JobRun"]["JobRunState"] == "RUNNING")
    glue.batch_stop_job_run(JobName=job, JobRunIds=[run])
    assert until(lambda: _ended_state(glue, job, run)) in ("STOPPING", "STOPPED")
    until(lambda: _ended_state(glue, job, run) == "STOPPED")


def test_requests_are_counted_until_they_are_reset(local_aws: LocalAws, control: Control) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, WAIT)
    control.reset_requests()
    for _ in range(3):
        client.list_executions(stateMachineArn=machine)
    local_aws.client("s3").head_bucket(Bucket=local_aws.outputs["Bucket"])
    counts = control.requests().counts
    # What earlier tests have begun may still be calling others.
    assert {name: counts[name] for name in (LIST, "cloudformation.DescribeStacks", "s3.HeadBucket")} == {
        LIST: 3,
        "cloudformation.DescribeStacks": 1,
        "s3.HeadBucket": 1,
    }
    control.reset_requests()
    assert LIST not in control.requests().counts
