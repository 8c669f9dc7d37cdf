"""What tests ask of endpoints."""

from __future__ import annotations

from typing import Any

from tests.integration.embedded_aws import LocalAws, until

HIGH, LOW = "10,10", "0,0"


def settled(aws: LocalAws, name: str) -> dict[str, Any]:
    """The description of an endpoint, once its creation or update is over."""

    def probe() -> dict[str, Any] | None:
        description: dict[str, Any] = aws.client("sagemaker").describe_endpoint(EndpointName=name)
        return None if description["EndpointStatus"] in ("Creating", "Updating") else description

    return until(probe)


def predict(aws: LocalAws, name: str, body: str, content_type: str = "text/csv") -> list[float]:
    """What an endpoint answers: a line a row."""
    answer = aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, ContentType=content_type, Body=body
    )
    return [float(value) for value in answer["Body"].read().decode().split()]
