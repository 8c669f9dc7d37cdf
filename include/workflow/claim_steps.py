"""The steps around a claim: what an endpoint is to serve, one item an endpoint in the deployments table.

DynamoDB decides between executions that want the same endpoint; SageMaker offers nothing to compare and set.
Beside the claim, the item has what was proven last: the claim whose model was in service and passed the test.
"""

from __future__ import annotations

from typing import Any

from stepfunctions.inputs import ExecutionInput
from stepfunctions.steps import DynamoDBDeleteItemStep, DynamoDBGetItemStep, DynamoDBUpdateItemStep, Retry

from include.workflow.blocks import Intrinsic, PatientRetry

# The error name of this integration: "DynamoDB.", then the exception's.
TAKEN = "DynamoDB.ConditionalCheckFailedException"
CLAIM = ("WindowEnd", "EndpointConfigName", "ModelName", "ExecutionArn")
OURS = "EndpointConfigName = :EndpointConfigName"


def claim_step(given: ExecutionInput, *, if_newer: bool) -> DynamoDBUpdateItemStep:
    """Say what the endpoint is to serve from now on.

    :param if_newer: only when nothing newer stands there; times are texts of one length and so compare.
    """
    condition = (
        {"ConditionExpression": "attribute_not_exists(WindowEnd) OR WindowEnd <= :WindowEnd"}
        if if_newer
        else {}
    )
    return DynamoDBUpdateItemStep(
        "Claim endpoint if newer" if if_newer else "Claim endpoint",
        parameters={
            **_item(given),
            "UpdateExpression": "SET " + ", ".join(f"{name} = :{name}" for name in CLAIM),
            "ExpressionAttributeValues": _values(given),
            **condition,
        },
        retry=_retries(),
        result_path="$.Claimed",
    )


def read_claim_step(given: ExecutionInput) -> DynamoDBGetItemStep:
    """Read what the endpoint is to serve now, as ``$.Claim``."""
    return DynamoDBGetItemStep(
        "Read claim",
        parameters={**_item(given), "ConsistentRead": True},
        retry=_retries(),
        result_path="$.Claim",
    )


def prove_claim_step(given: ExecutionInput) -> DynamoDBUpdateItemStep:
    """Note that our model is served and passed its test, unless a newer one that did stands there.

    The claim may be somebody else's by then, of whom nobody knows what becomes.
    """
    keep = ", ".join(f"{name} = if_not_exists({name}, :{name})" for name in CLAIM)
    return DynamoDBUpdateItemStep(
        "Prove claim",
        parameters={
            **_item(given),
            "UpdateExpression": f"SET {keep}, " + ", ".join(f"Proven{name} = :{name}" for name in CLAIM),
            "ExpressionAttributeValues": _values(given),
            "ConditionExpression": f"{OURS} OR attribute_not_exists(ProvenWindowEnd)"
            " OR ProvenWindowEnd <= :WindowEnd",
        },
        retry=_retries(),
        result_path="$.Proven",
    )


def restore_claim_step(given: ExecutionInput) -> DynamoDBUpdateItemStep:
    """Put back what was proven last, unless somebody has claimed the endpoint since."""
    return DynamoDBUpdateItemStep(
        "Restore claim",
        parameters={
            **_item(given),
            "UpdateExpression": "SET " + ", ".join(f"{name} = Proven{name}" for name in CLAIM),
            "ExpressionAttributeValues": _ours(given),
            "ConditionExpression": f"{OURS} AND attribute_exists(ProvenEndpointConfigName)",
        },
        retry=_retries(),
        result_path="$.Withdrawn",
    )


def drop_claim_step(given: ExecutionInput) -> DynamoDBDeleteItemStep:
    """Take our claim back where nothing was proven before, unless somebody has claimed the endpoint since."""
    return DynamoDBDeleteItemStep(
        "Drop claim",
        parameters={
            **_item(given),
            "ConditionExpression": f"{OURS} AND attribute_not_exists(ProvenEndpointConfigName)",
            "ExpressionAttributeValues": _ours(given),
        },
        retry=_retries(),
        result_path="$.Withdrawn",
    )


def _item(given: ExecutionInput) -> dict[str, Any]:
    return {"TableName": given["DeploymentsTable"], "Key": {"Endpoint": {"S": given["EndpointName"]}}}


def _values(given: ExecutionInput) -> dict[str, Any]:
    values = {f":{name}": {"S": given[name]} for name in CLAIM if name != "ExecutionArn"}
    return {**values, ":ExecutionArn": {"S": Intrinsic("$$.Execution.Id")}}


def _ours(given: ExecutionInput) -> dict[str, Any]:
    return {":EndpointConfigName": {"S": given["EndpointConfigName"]}}


def _retries() -> list[Retry]:
    """Whatever DynamoDB's error is called, it is tried again, but not what a condition has decided."""
    patient = PatientRetry(
        error_equals=["States.TaskFailed"],
        interval_seconds=1,
        max_attempts=8,
        backoff_rate=2,
        max_delay_seconds=60,
    )
    return [Retry(error_equals=[TAKEN], max_attempts=0), patient]
