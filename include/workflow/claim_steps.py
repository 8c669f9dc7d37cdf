"""The steps around a claim: what an endpoint is to serve, one item an endpoint in the deployments table.

DynamoDB decides between executions that want the same endpoint; SageMaker offers nothing to compare and set.
"""

from __future__ import annotations

from typing import Any

from stepfunctions.inputs import ExecutionInput
from stepfunctions.steps import DynamoDBDeleteItemStep, DynamoDBGetItemStep, DynamoDBUpdateItemStep

from include.workflow.blocks import Intrinsic, PatientRetry

# The error names of this integration: "DynamoDB.", then the exception's.
TAKEN = "DynamoDB.ConditionalCheckFailedException"
BUSY = [
    "DynamoDB.InternalServerError",
    "DynamoDB.ProvisionedThroughputExceededException",
    "DynamoDB.RequestLimitExceeded",
    "DynamoDB.SdkClientException",
    "DynamoDB.ThrottlingException",
]
CLAIMED = ("WindowEnd", "EndpointConfigName", "ModelName", "ExecutionArn")
SET_CLAIM = "SET " + ", ".join(f"{name} = :{name}" for name in CLAIMED)
STILL_OURS = "EndpointConfigName = :Ours"


def claim_step(given: ExecutionInput, *, if_newer: bool) -> DynamoDBUpdateItemStep:
    """Say what the endpoint is to serve from now on; ``$.Replaced`` is what stood there before.

    :param if_newer: only when nothing newer stands there; times are texts of one length and so compare.
    """
    values = {
        ":WindowEnd": {"S": given["WindowEnd"]},
        ":EndpointConfigName": {"S": given["EndpointConfigName"]},
        ":ModelName": {"S": given["ModelName"]},
        ":ExecutionArn": {"S": Intrinsic("$$.Execution.Id")},
    }
    condition = (
        {"ConditionExpression": "attribute_not_exists(WindowEnd) OR WindowEnd <= :WindowEnd"}
        if if_newer
        else {}
    )
    return DynamoDBUpdateItemStep(
        "Claim endpoint if newer" if if_newer else "Claim endpoint",
        parameters={
            **_item(given),
            "UpdateExpression": SET_CLAIM,
            "ExpressionAttributeValues": values,
            "ReturnValues": "ALL_OLD",
            **condition,
        },
        retry=[_busy()],
        result_path="$.Replaced",
    )


def read_claim_step(given: ExecutionInput) -> DynamoDBGetItemStep:
    """Read what the endpoint is to serve now, as ``$.Claim``."""
    return DynamoDBGetItemStep(
        "Read claim",
        parameters={**_item(given), "ConsistentRead": True},
        retry=[_busy()],
        result_path="$.Claim",
    )


def restore_claim_step(given: ExecutionInput) -> DynamoDBUpdateItemStep:
    """Put back what our claim replaced, unless somebody has claimed the endpoint since."""
    values: dict[str, Any] = {
        f":{name}": {"S": Intrinsic(f"$.Replaced.Attributes.{name}.S")} for name in CLAIMED
    }
    return DynamoDBUpdateItemStep(
        "Restore claim",
        parameters={
            **_item(given),
            "UpdateExpression": SET_CLAIM,
            "ExpressionAttributeValues": {**values, ":Ours": {"S": given["EndpointConfigName"]}},
            "ConditionExpression": STILL_OURS,
        },
        retry=[_busy()],
        result_path="$.Withdrawn",
    )


def drop_claim_step(given: ExecutionInput) -> DynamoDBDeleteItemStep:
    """Take our claim back where it replaced none, unless somebody has claimed the endpoint since."""
    return DynamoDBDeleteItemStep(
        "Drop claim",
        parameters={
            **_item(given),
            "ConditionExpression": STILL_OURS,
            "ExpressionAttributeValues": {":Ours": {"S": given["EndpointConfigName"]}},
        },
        retry=[_busy()],
        result_path="$.Withdrawn",
    )


def _item(given: ExecutionInput) -> dict[str, Any]:
    return {"TableName": given["DeploymentsTable"], "Key": {"Endpoint": {"S": given["EndpointName"]}}}


def _busy() -> PatientRetry:
    return PatientRetry(
        error_equals=BUSY, interval_seconds=1, max_attempts=8, backoff_rate=2, max_delay_seconds=60
    )
