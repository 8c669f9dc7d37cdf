"""The Lambda that sees to it that an endpoint is the stack's."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.lambdas.deployment.ownership import EndpointOfAnotherStack, take_ownership

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:"
EVENT = {
    "Execution": {"Input": {"EndpointName": "flight-delay", "DeploymentsTable": "prod-deployments"}},
    "Stack": "prod",
    "Bucket": "prod-123456789012-eu-west-1",
}
CONFIG_TAGS = {"retraining:model": "flight_delay"}


class Account:
    """One endpoint, what it serves, and the stack's table; a client of all services."""

    def __init__(self) -> None:
        self.dynamodb = self.sagemaker = self.stepfunctions = self
        self.tags: dict[str, dict[str, str]] = {
            f"{ARN}endpoint/flight-delay": {},
            f"{ARN}endpoint-config/c": {},
        }
        self.config: str | None = "c"
        self.artifact: str | None = "s3://by-hand/model.tar.gz"
        self.claims: set[str] = set()
        self.held: set[str] = set()

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, str]:
        arn = f"{ARN}endpoint/{EndpointName}"
        if arn not in self.tags:
            raise gone(f"endpoint {arn}")
        return {"EndpointArn": arn, **({"EndpointConfigName": self.config} if self.config else {})}

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> dict[str, Any]:
        arn = f"{ARN}endpoint-config/{EndpointConfigName}"
        if arn not in self.tags:
            raise gone(f"endpoint configuration {arn}")
        return {"EndpointConfigArn": arn, "ProductionVariants": [{"ModelName": "m"}]}

    def describe_model(self, *, ModelName: str) -> dict[str, Any]:
        if self.artifact is None:
            raise gone(f"model {ModelName}")
        return {"PrimaryContainer": {"ModelDataUrl": self.artifact}}

    def list_tags(self, *, ResourceArn: str) -> dict[str, Any]:
        return {"Tags": [{"Key": key, "Value": value} for key, value in self.tags[ResourceArn].items()]}

    def add_tags(self, *, ResourceArn: str, Tags: list[dict[str, str]]) -> None:
        self.tags[ResourceArn] |= {tag["Key"]: tag["Value"] for tag in Tags}

    def get_item(self, *, TableName: str, Key: dict[str, Any], ConsistentRead: bool) -> dict[str, Any]:
        assert (TableName, ConsistentRead) == ("prod-deployments", True)
        endpoint = Key["Endpoint"]["S"]
        claim = {"WindowEnd": {"S": "2013-05-01T00:00:00Z"}} if endpoint in self.claims else {}
        hold = {"HeldBy": {"S": "ada"}} if endpoint in self.held else {}
        return {"Item": Key | claim | hold} if claim or hold else {}

    @property
    def endpoint_tags(self) -> dict[str, str]:
        return self.tags[f"{ARN}endpoint/flight-delay"]

    def made_by_a_retrain(self) -> None:
        self.tags[f"{ARN}endpoint-config/c"] = CONFIG_TAGS


def gone(what: str) -> ClientError:
    message = f"Could not find {what}."
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "Describe")


@pytest.fixture
def account() -> Account:
    return Account()


def adopted(account: Account) -> bool:
    """Whether the stack may deploy; then the endpoint is marked as its own."""
    try:
        take_ownership(EVENT, account)
    except EndpointOfAnotherStack:
        assert "retraining:stack" not in account.endpoint_tags
        return False
    assert account.endpoint_tags["retraining:stack"] == "prod"
    return True


def test_an_endpoint_that_is_not_there_is_nobodys(account: Account) -> None:
    account.tags.clear()
    take_ownership(EVENT, account)
    assert account.tags == {}


def test_the_tag_decides(account: Account) -> None:
    account.endpoint_tags["retraining:stack"] = "prod"
    account.artifact = "s3://prod-test-123456789012-eu-west-1/runs/a/output/model.tar.gz"
    take_ownership(EVENT, account)
    account.endpoint_tags["retraining:stack"] = "prod-test"
    account.claims.add("flight-delay")
    with pytest.raises(EndpointOfAnotherStack, match="flight-delay belongs to stack prod-test, not"):
        take_ownership(EVENT, account)


def test_one_that_no_retrain_has_deployed_to_is_taken(account: Account) -> None:
    assert adopted(account)


@pytest.mark.parametrize("lost", ["config", "artifact"])
def test_one_that_nobody_knows_the_maker_of_is_taken(account: Account, lost: str) -> None:
    setattr(account, lost, None)
    assert adopted(account)


def test_one_that_this_stack_deployed_to_is_taken(account: Account) -> None:
    account.made_by_a_retrain()
    account.artifact = "s3://prod-123456789012-eu-west-1/runs/a/output/model.tar.gz"
    assert adopted(account)


def test_one_that_the_stacks_table_claims_is_taken(account: Account) -> None:
    account.made_by_a_retrain()
    assert not adopted(account)
    account.claims.add("flight-delay")
    assert adopted(account)


def test_one_that_is_only_held_is_not_claimed(account: Account) -> None:
    account.made_by_a_retrain()
    account.held.add("flight-delay")
    assert not adopted(account)


def test_one_that_serves_another_stacks_model_is_not_taken(account: Account) -> None:
    account.claims.add("flight-delay")
    account.artifact = "s3://prod-test-123456789012-eu-west-1/runs/a/output/model.tar.gz"
    with pytest.raises(
        EndpointOfAnotherStack,
        match=r"serves what stack prod-test made.*retraining:stack=prod$",
    ):
        take_ownership(EVENT, account)
    assert not adopted(account)
