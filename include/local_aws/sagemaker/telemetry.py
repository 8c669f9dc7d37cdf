"""
What training jobs and endpoints tell of themselves: events, metrics and lines of logs.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html,
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html and logging-cloudwatch.html.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from moto.sagemaker.models import FakeEndpoint, FakeTrainingJob

from include.local_aws.events import bus
from include.local_aws.logs.streams import put
from include.local_aws.metrics import record
from include.local_aws.sagemaker.serving_container import Answer

# An endpoint's status has other names in events than in DescribeEndpoint.
STATUSES = {"InService": "IN_SERVICE", "OutOfService": "OUT_OF_SERVICE", "RollingBack": "ROLLING_BACK"}


def training_job_changed(job: FakeTrainingJob) -> None:
    """Tell of a new status, primary or secondary."""
    _publish("SageMaker Training Job State Change", job.arn, job.response_object)


def endpoint_changed(endpoint: FakeEndpoint) -> None:
    """Tell of a new status."""
    described = dict(endpoint.response_object)
    status = described["EndpointStatus"]
    described["EndpointStatus"] = STATUSES.get(status, status.upper())
    _publish("SageMaker Endpoint State Change", endpoint.arn, described)


def _publish(kind: str, arn: str, described: dict[str, Any]) -> None:
    detail = json.loads(json.dumps(described, default=_milliseconds))
    bus.publish("aws.sagemaker", kind, detail, [arn], region=arn.split(":")[3])


def _milliseconds(value: Any) -> Any:
    return int(value.timestamp() * 1000) if isinstance(value, datetime) else str(value)


def invoked(endpoint: FakeEndpoint, variant: str, answer: Answer, seconds: float) -> None:
    """Tell of an invocation: its metrics, and the line that the container's web server writes."""
    name, region, status = endpoint.endpoint_name, endpoint.arn.split(":")[3], answer.status.value
    dimensions = {"EndpointName": name, "VariantName": variant}
    errors = {
        "Invocation4XXErrors": float(400 <= status < 500),
        "Invocation5XXErrors": float(status >= 500),
    }
    record("AWS/SageMaker", {"Invocations": 1, **errors}, dimensions, unit="None", region=region)
    record("AWS/SageMaker", {"ModelLatency": seconds * 1e6}, dimensions, unit="Microseconds", region=region)
    at = datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S %z")
    size = len(answer.body.encode())
    line = f'127.0.0.1 - - [{at}] "POST /invocations HTTP/1.1" {status} {size} "-" "AHC/2.0"'
    # The instance, of which there is none.
    config = f"{endpoint.arn}/{endpoint.endpoint_config_name}/{variant}"
    instance = f"i-{hashlib.sha256(config.encode()).hexdigest()[:17]}"
    put(f"/aws/sagemaker/Endpoints/{name}", f"{variant}/{instance}", [line], region=region)
