"""
What optimised integrations add to a service's answer: SdkHttpMetadata and SdkResponseMetadata.

AWS's answers to LocalStack have them of DynamoDB, Lambda, SNS, SQS, Step Functions and ECS, not of
EventBridge, and not of the aws-sdk integrations
(tests/aws/services/stepfunctions/v2/services/*.snapshot.json). moto leaves them out.
"""

from __future__ import annotations

import threading
from typing import Any

from include.local_aws.stepfunctions.json_times import json_ready, milliseconds

WITHOUT = ("aws-sdk", "events")

_latest = threading.local()


def remember(client: Any) -> Any:
    """Let a boto3 client keep what came with its latest answer; returns the client."""
    client.meta.events.register("after-call", _keep, unique_id="sdk-metadata")
    return client


def _keep(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    headers = dict(http_response.headers.items())
    _latest.metadata = {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": http_response.status_code,
        },
        "SdkResponseMetadata": {"RequestId": parsed.get("ResponseMetadata", {}).get("RequestId", "")},
    }


def add(task: Any, service: str) -> Any:
    """Let a task's calls of a service have it in their outputs; returns the task."""
    if service in WITHOUT:
        return task
    evaluate = task._eval_service_task

    def eval_service_task(env: Any, **request: Any) -> None:
        evaluate(env=env, **request)
        answer = json_ready(env.stack.pop(), milliseconds)
        env.stack.append({**answer, **_latest.metadata})

    task._eval_service_task = eval_service_task
    return task
