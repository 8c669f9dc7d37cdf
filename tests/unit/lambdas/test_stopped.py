"""Who puts right what a stopped execution left: only where it had the claim, and once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.lambdas.deployment.decision import PUT_BACK
from include.lambdas.deployment.facts import Candidate, Item
from include.lambdas.deployment.reading import written
from include.lambdas.deployment.stopped import put_right

ARN = "arn:aws:states:eu-west-1:123456789012:execution:prod-flight_delay:a-run"
MINE = Candidate("a-run", "a-model", "2013-05-02T00:00:00Z", ARN)
OTHER = Candidate("other", "o", "2013-05-01T00:00:00Z", "arn:other")
GIVEN = {
    "EndpointName": "flight-delay",
    "DeploymentsTable": "t",
    "DeployPolicy": "if_newer",
    "EndpointConfigName": "a-run",
    "ModelName": "a-model",
}


class Aws:
    """A table with an item, and what was started."""

    def __init__(self, item: Item) -> None:
        self.dynamodb = self.sagemaker = self.stepfunctions = self
        self.item, self.started = item, dict[str, Any]()

    def get_item(self, **_: Any) -> dict[str, Any]:
        return {"Item": written(self.item, "flight-delay", 7)}

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, str]:
        if name in self.started:
            raise ClientError(
                {"Error": {"Code": "ExecutionAlreadyExists", "Message": name}}, "StartExecution"
            )
        self.started[name] = json.loads(input)
        return {"executionArn": f"{stateMachineArn}:{name}"}


def ended(**given: Any) -> dict[str, Any]:
    return {
        "executionArn": ARN,
        "name": "a-run",
        "stateMachineArn": "arn:machine",
        "input": json.dumps(GIVEN | given),
    }


def test_an_execution_that_had_the_claim_gets_a_successor_once() -> None:
    aws = Aws(Item(MINE, OTHER))
    assert put_right(ended(), aws) == "arn:machine:a-run-put-back-7"
    assert put_right(ended(), aws) is None
    successor = aws.started["a-run-put-back-7"]
    assert successor == GIVEN | {
        "Redeploy": True,
        "DeployPolicy": PUT_BACK,
        "EndpointConfigName": "a-run-put-back-7",
    }


@pytest.mark.parametrize(
    ("item", "end"),
    [
        pytest.param(Item(), ended(), id="never claimed"),
        pytest.param(Item(OTHER, OTHER), ended(), id="claimed by another"),
        pytest.param(Item(MINE, MINE), ended(), id="proven"),
        pytest.param(Item(MINE, OTHER), ended(DeployPolicy=PUT_BACK), id="was one that puts right"),
        pytest.param(Item(MINE, OTHER), {**ended(), "input": "{}"}, id="no retrain"),
        pytest.param(Item(MINE, OTHER), {**ended(), "input": None}, id="input too large to be told"),
    ],
)
def test_nothing_else_does(item: Item, end: dict[str, Any]) -> None:
    aws = Aws(item)
    assert put_right(end, aws) is None
    assert not aws.started


def test_the_successors_name_fits() -> None:
    aws = Aws(Item(MINE, OTHER))
    put_right({**ended(), "name": "x" * 80}, aws)
    (name,) = aws.started
    assert len(name) <= 80
