"""Writes into the stack's table who holds an endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from botocore.exceptions import ClientError

from retraining.deployment.hold import Hold

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient  # noqa: F401

# As the function that decides reads them (include/lambdas/deployment/reading.py).
_ATTRIBUTES = {"by": "HeldBy", "reason": "HeldBecause", "since": "HeldSince"}


class Before(NamedTuple):
    """What the table said until then.

    :param model: that was in service and predicted; None where no retrain's has been yet.
    """

    hold: Hold | None
    model: str | None


class HoldsHook(AwsGenericHook["DynamoDBClient"]):
    """Holds endpoints and releases them, in one write each that changes nothing else.

    DynamoDB makes writes one after another, so what an execution writes at the same time stays, and the
    version that is raised with it tells the execution to look again before it writes
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html).

    :param parameters: what the hooks of all services are made with.
    """

    def __init__(self, **parameters: Any) -> None:
        super().__init__(client_type="dynamodb", **parameters)

    def hold(self, table: str, endpoint: str, hold: Hold) -> Before:
        """Hold an endpoint; another hold is replaced."""
        said = {f":{field}": {"S": text} for field, text in hold.to_dict().items()}
        assigned = ", ".join(f"{name} = :{field}" for field, name in _ATTRIBUTES.items())
        found = self.conn.update_item(
            TableName=table,
            Key={"Endpoint": {"S": endpoint}},
            UpdateExpression=f"SET {assigned} ADD Version :one",
            ExpressionAttributeValues={**said, ":one": {"N": "1"}},
            ReturnValues="ALL_OLD",
        )
        return _before(found.get("Attributes", {}))

    def release(self, table: str, endpoint: str) -> Before:
        """Release an endpoint; one that nobody holds stays as it is."""
        try:
            found = self.conn.update_item(
                TableName=table,
                Key={"Endpoint": {"S": endpoint}},
                UpdateExpression=f"REMOVE {', '.join(_ATTRIBUTES.values())} ADD Version :one",
                ConditionExpression="attribute_exists(HeldBy)",
                ExpressionAttributeValues={":one": {"N": "1"}},
                ReturnValues="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return Before(None, None)
        return _before(found["Attributes"])


def _before(item: Mapping[str, Any]) -> Before:
    texts = {name: value.get("S", "") for name, value in item.items()}
    held = {field: texts.get(name, "") for field, name in _ATTRIBUTES.items()}
    return Before(Hold(**held) if held["by"] else None, texts.get("ProvenModelName"))
