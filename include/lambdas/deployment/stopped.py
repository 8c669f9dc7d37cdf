"""What becomes of an endpoint whose execution was stopped: another one puts it right."""

from __future__ import annotations

import json
from typing import Any

from .decision import PUT_BACK
from .handler import AWS
from .reading import Clients, attributes_of, read_item


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """
    Start an execution that puts back what is proven, where one that has the claim has ended without result.

    :param event: EventBridge's, of an execution whose status has changed
        (https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html)
    :param context: Lambda's, unused
    :return: ``Started``: the execution's ARN, None where there is nothing to put right
    """
    return {"Started": put_right(event["detail"], AWS)}


def put_right(ended: dict[str, Any], aws: Clients) -> str | None:
    """Start it, once however often EventBridge tells of the end."""
    given = json.loads(ended.get("input") or "{}")
    if "DeploymentsTable" not in given or given["DeployPolicy"] == PUT_BACK:
        return None
    item = read_item(attributes_of(aws, given))
    if item.claim is None or item.claim.execution != ended["executionArn"] or item.claim == item.proven:
        return None
    # The claim's version tells one stop of an execution from the next.
    name = f"{ended['name'][:60]}-put-back-{item.version}"
    successor = {**given, "Redeploy": True, "DeployPolicy": PUT_BACK, "EndpointConfigName": name}
    try:
        started: str = aws.stepfunctions.start_execution(
            stateMachineArn=ended["stateMachineArn"], name=name, input=json.dumps(successor)
        )["executionArn"]
    except Exception as error:
        if "ExecutionAlreadyExists" in str(error):
            return None
        raise
    return started
