"""Request quotas of the embedded AWS, and pages of what there is too much of for one answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.local_aws.control import Control, ControlError
from include.local_aws.gateway.quotas import Quotas, quotas_of
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.state_machines import WAIT, create_machine, start


def test_without_being_asked_for_there_are_none(local_aws: LocalAws, control: Control) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, WAIT)
    assert control.ask("GET", "quotas") == {"enforced": False}
    for _ in range(205):
        client.list_executions(stateMachineArn=machine)
    assert control.requests().throttled == {}


def test_a_bucket_is_emptied_and_filled_again(local_aws: LocalAws, control: Control) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, WAIT)

    errors: list[Any] = []

    def listed() -> bool:
        try:
            client.list_executions(stateMachineArn=machine)
        except ClientError as error:
            errors.append(error.response)
            return False
        return True

    control.enforce_quotas(True)
    control.reset_requests()
    with ThreadPoolExecutor(4) as pool:
        allowed = sum(pool.map(lambda _: listed(), range(300)))
    # Two hundred at once, and five for each second that the calls took.
    assert 200 <= allowed < 300
    assert errors[0]["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
    assert errors[0]["ResponseMetadata"]["HTTPStatusCode"] == 400
    until(listed, 2)
    requests = control.requests()
    assert requests.counts["stepfunctions.ListExecutions"] >= 301
    assert requests.throttled == {
        "stepfunctions.ListExecutions": requests.counts["stepfunctions.ListExecutions"] - allowed - 1
    }
    # A bucket is one operation's, and full again when quotas are switched on anew.
    client.describe_state_machine(stateMachineArn=machine)
    control.enforce_quotas(True)
    assert all(listed() for _ in range(50))


def test_the_numbers_are_those_that_aws_documents() -> None:
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html: N. Virginia and Frankfurt
    documented = {
        "DescribeExecution": [(300, 15), (250, 10)],
        "GetExecutionHistory": [(400, 20), (400, 20)],
        "ListExecutions": [(200, 5), (100, 2)],
        "RedriveExecution": [(1300, 300), (800, 150)],
        "StartExecution": [(1300, 300), (800, 150)],
        "StopExecution": [(1000, 200), (500, 25)],
    }
    for operation, numbers in documented.items():
        regions = ("us-east-1", "eu-central-1")
        assert [quotas_of(region)[f"stepfunctions.{operation}"] for region in regions] == numbers


def test_a_region_has_buckets_of_its_own() -> None:
    quotas = Quotas()
    quotas.enforce(True)
    allowed = [quotas.allows("stepfunctions.ListExecutions", "eu-central-1") for _ in range(150)]
    assert 100 <= sum(allowed) < 150
    assert quotas.allows("stepfunctions.ListExecutions", "us-east-1")


@pytest.mark.parametrize("content", [{}, {"enforced": "yes"}, {"enforced": True, "more": 1}, []])
def test_a_bad_switch_is_refused(control: Control, content: object) -> None:
    with pytest.raises(ControlError, match="is not allowed"):
        control.ask("PUT", "quotas", content)


def test_pages_leave_nothing_out_while_executions_come_and_go(local_aws: LocalAws) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, WAIT)
    arns = [start(local_aws, machine, name=f"run-{number}") for number in range(6)]
    request: dict[str, Any] = {"stateMachineArn": machine, "statusFilter": "RUNNING", "maxResults": 2}
    page = client.list_executions(**request)
    seen = [found["executionArn"] for found in page["executions"]]
    assert seen == [arns[5], arns[4]]
    client.stop_execution(executionArn=arns[5])
    arns.append(start(local_aws, machine, name="run-6"))
    while "nextToken" in page:
        page = client.list_executions(**request, nextToken=page["nextToken"])
        seen += [found["executionArn"] for found in page["executions"]]
    assert seen == arns[5::-1]
    for token in ("nonsense", "e30="):
        with pytest.raises(client.exceptions.InvalidToken):
            client.list_executions(**request, nextToken=token)
    for arn in arns:
        client.stop_execution(executionArn=arn)


def three_steps(local_aws: LocalAws) -> str:
    step = {"Type": "Pass"}
    return create_machine(local_aws, step, step, {**step, "End": True})


def test_history_in_pages_newest_first_and_without_its_data(local_aws: LocalAws) -> None:
    client = local_aws.client("stepfunctions")
    execution = start(local_aws, three_steps(local_aws), {"secret": 1})
    read = client.get_execution_history
    until(lambda: len(read(executionArn=execution)["events"]) == 8)
    newest = read(executionArn=execution, reverseOrder=True, maxResults=3, includeExecutionData=False)
    assert [event["id"] for event in newest["events"]] == [8, 7, 6]
    following = read(
        executionArn=execution, reverseOrder=True, maxResults=1000, nextToken=newest["nextToken"]
    )
    assert [event["id"] for event in following["events"]] == [5, 4, 3, 2, 1]
    assert "nextToken" not in following
    assert "secret" in str(following)
    assert "secret" not in str(newest)


def test_versions_newest_first_in_pages_and_deleted_for_good(local_aws: LocalAws) -> None:
    client, machine = local_aws.client("stepfunctions"), create_machine(local_aws, WAIT, publish=True)
    for number in range(4):
        state = f'{{"StartAt": "A", "States": {{"A": {{"Type": "Pass", "Result": {number}, "End": true}}}}}}'
        client.update_state_machine(stateMachineArn=machine, definition=state, publish=True)

    def numbers() -> list[str]:
        request: dict[str, Any] = {"stateMachineArn": machine, "maxResults": 2}
        found = []
        while True:
            page = client.list_state_machine_versions(**request)
            found += [
                item["stateMachineVersionArn"].rpartition(":")[2] for item in page["stateMachineVersions"]
            ]
            if "nextToken" not in page:
                return found
            request["nextToken"] = page["nextToken"]

    assert numbers() == ["5", "4", "3", "2", "1"]
    for number in (5, 2, 2):
        client.delete_state_machine_version(stateMachineVersionArn=f"{machine}:{number}")
    assert numbers() == ["4", "3", "1"]
    with pytest.raises(client.exceptions.StateMachineDoesNotExist):
        start(local_aws, f"{machine}:2")
    published = client.update_state_machine(
        stateMachineArn=machine, definition=state.replace("3", "9"), publish=True
    )
    assert published["stateMachineVersionArn"] == f"{machine}:6"
    client.delete_state_machine_version(stateMachineVersionArn=f"{machine}:6")
    again = client.publish_state_machine_version(stateMachineArn=machine)
    assert again["stateMachineVersionArn"] == f"{machine}:7"
