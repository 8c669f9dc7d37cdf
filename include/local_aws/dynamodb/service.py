"""DynamoDB: conditions that hold under concurrent writes, and errors of its integration by AWS's names."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from moto.dynamodb.responses import DynamoHandler
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_dynamodb import (  # noqa: E501
    StateTaskServiceDynamoDB,
)

from include.local_aws.runtime import Runtime

# moto looks at the condition, at the old item and at the new one in turn.
SERIALISED = ("put_item", "get_item", "update_item", "delete_item")

_lock = threading.RLock()


class DynamoDbTask(StateTaskServiceDynamoDB):  # type: ignore[misc]
    """arn:aws:states:::dynamodb:...; moto names all errors after their codes, AWS only the modelled."""

    @staticmethod
    def _error_cause_from_client_error(client_error: ClientError) -> tuple[str, str]:
        error, cause = StateTaskServiceDynamoDB._error_cause_from_client_error(client_error)
        modelled = type(client_error).__name__ != "ClientError"
        return error if modelled else "DynamoDB.AmazonDynamoDBException", cause


def install(_runtime: Runtime) -> None:
    """Put the corrections in place."""
    for name in SERIALISED:
        setattr(DynamoHandler, name, _serialised(getattr(DynamoHandler, name)))


def _serialised(call: Callable[[DynamoHandler], Any]) -> Callable[[DynamoHandler], Any]:
    def answer(handler: DynamoHandler) -> Any:
        with _lock:
            result = call(handler)
        if handler.body.get("ReturnConsumedCapacity", "NONE") == "NONE":
            result.result.pop("ConsumedCapacity", None)
        return result

    return answer
