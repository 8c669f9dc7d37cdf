"""DynamoDB from state machines of the embedded AWS: claims are made under a condition, and really kept."""

from __future__ import annotations

import json
import random
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.embedded_aws import LocalAws
from tests.integration.state_machines import create_machine, ended, start, task_state

UPDATE, GET, DELETE = (f"arn:aws:states:::dynamodb:{action}Item" for action in ("update", "get", "delete"))

BY_INPUT = {"ExpressionAttributeValues": {":end": {"S.$": "$.End"}}}


@pytest.fixture
def endpoint() -> str:
    return f"endpoint-{uuid4().hex}"


def claim(aws: LocalAws, endpoint: str, window_end: str, **changes: Any) -> dict[str, Any]:
    """A state that claims an endpoint unless something newer has."""
    parameters = {
        "TableName": aws.outputs["DeploymentsTable"],
        "Key": {"Endpoint": {"S": endpoint}},
        "UpdateExpression": "SET WindowEnd = :end",
        "ConditionExpression": "attribute_not_exists(WindowEnd) OR WindowEnd <= :end",
        "ExpressionAttributeValues": {":end": {"S": window_end}},
        "ReturnValues": "ALL_OLD",
        **changes,
    }
    return task_state(UPDATE, parameters, ResultPath="$.Replaced")


def run(aws: LocalAws, *states: dict[str, Any]) -> dict[str, Any]:
    """The end of an execution of these states."""
    chained = [{key: value for key, value in state.items() if key != "End"} for state in states[:-1]]
    return ended(aws, start(aws, create_machine(aws, *chained, states[-1])))


def stored(aws: LocalAws, endpoint: str) -> dict[str, Any] | None:
    table = aws.outputs["DeploymentsTable"]
    found: dict[str, Any] | None = (
        aws.client("dynamodb").get_item(TableName=table, Key={"Endpoint": {"S": endpoint}}).get("Item")
    )
    return found


def test_a_claim_that_is_older_is_refused_under_aws_name(local_aws: LocalAws, endpoint: str) -> None:
    states = [claim(local_aws, endpoint, end) for end in ("2013-05-02", "2013-05-01")]
    refused = run(local_aws, *states)
    assert refused["status"] == "FAILED"
    assert refused["error"] == "DynamoDB.ConditionalCheckFailedException"
    assert refused["cause"].startswith(
        "The conditional request failed (Service: AmazonDynamoDBv2; Status Code: 400"
    )
    assert stored(local_aws, endpoint) == {"Endpoint": {"S": endpoint}, "WindowEnd": {"S": "2013-05-02"}}


def test_an_expression_that_makes_no_sense_is_an_error_without_a_name(
    local_aws: LocalAws, endpoint: str
) -> None:
    unused = {":end": {"S": "2013-05-01"}, ":unused": {"S": "x"}}
    refused = run(local_aws, claim(local_aws, endpoint, "2013-05-01", ExpressionAttributeValues=unused))
    assert refused["error"] == "DynamoDB.AmazonDynamoDBException"
    assert "Error Code: ValidationException" in refused["cause"]
    assert stored(local_aws, endpoint) is None


def test_a_table_that_is_not_there_is_named_so(local_aws: LocalAws, endpoint: str) -> None:
    refused = run(local_aws, claim(local_aws, endpoint, "2013-05-01", TableName="nowhere"))
    assert refused["error"] == "DynamoDB.ResourceNotFoundException"


def test_a_claim_gives_what_it_replaced(local_aws: LocalAws, endpoint: str) -> None:
    first = run(local_aws, claim(local_aws, endpoint, "2013-05-01"))
    assert "Attributes" not in json.loads(first["output"])["Replaced"]
    second = run(local_aws, claim(local_aws, endpoint, "2013-05-01"))
    assert json.loads(second["output"])["Replaced"]["Attributes"] == {
        "Endpoint": {"S": endpoint},
        "WindowEnd": {"S": "2013-05-01"},
    }


def test_items_are_read_and_deleted(local_aws: LocalAws, endpoint: str) -> None:
    key = {"TableName": local_aws.outputs["DeploymentsTable"], "Key": {"Endpoint": {"S": endpoint}}}
    read = task_state(GET, {**key, "ConsistentRead": True}, ResultPath="$.Claim")
    withdraw = task_state(
        DELETE,
        {
            **key,
            "ConditionExpression": "WindowEnd = :end",
            "ExpressionAttributeValues": {":end": {"S": "2013-05-01"}},
        },
        ResultPath="$.Withdrawn",
    )
    again = {**read, "ResultPath": "$.After"}
    output = json.loads(
        run(local_aws, claim(local_aws, endpoint, "2013-05-01"), read, withdraw, again)["output"]
    )
    assert output["Claim"]["Item"]["WindowEnd"] == {"S": "2013-05-01"}
    assert "Attributes" not in output["Withdrawn"]
    assert "Item" not in output["After"]
    assert stored(local_aws, endpoint) is None


def test_of_many_claims_at_once_the_newest_stands(local_aws: LocalAws, endpoint: str) -> None:
    machine = create_machine(local_aws, claim(local_aws, endpoint, "", **BY_INPUT))
    days = list(range(1, 29))
    random.Random(1).shuffle(days)  # noqa: S311
    started = [start(local_aws, machine, {"End": f"2013-05-{day:02}"}) for day in days]
    ends = [ended(local_aws, execution) for execution in started]
    assert stored(local_aws, endpoint) == {"Endpoint": {"S": endpoint}, "WindowEnd": {"S": "2013-05-28"}}
    accepted = [json.loads(end["output"]) for end in ends if end["status"] == "SUCCEEDED"]
    replaced = [claim["Replaced"].get("Attributes", {}).get("WindowEnd", {}).get("S") for claim in accepted]
    # A chain: each accepted claim replaced the one before, and none was replaced twice.
    assert len(set(replaced)) == len(accepted)
    assert {end["error"] for end in ends if end["status"] == "FAILED"} <= {
        "DynamoDB.ConditionalCheckFailedException"
    }


def test_the_table_costs_nothing_while_nothing_is_deployed(local_aws: LocalAws) -> None:
    table = local_aws.client("dynamodb").describe_table(TableName=local_aws.outputs["DeploymentsTable"])
    assert table["Table"]["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["Table"]["KeySchema"] == [{"AttributeName": "Endpoint", "KeyType": "HASH"}]
