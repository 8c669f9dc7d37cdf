"""Requests for whatever operation of a service, made of botocore's models."""

from __future__ import annotations

import re
from typing import Any

from botocore.model import OperationModel

# What the template and the product use, and what other people's programs for this job ask for.
SERVICES = (
    *("application-autoscaling", "cloudformation", "cloudwatch", "dynamodb", "ec2", "ecr", "events", "glue"),
    *("iam", "kms", "lambda", "logs", "resourcegroupstaggingapi", "s3", "sagemaker", "sagemaker-runtime"),
    *("scheduler", "secretsmanager", "service-quotas", "sns", "sqs", "ssm", "stepfunctions", "sts"),
)
# Values that fit the patterns of most names, ARNs and addresses.
CANDIDATES = (
    *("name", "arn:aws:sagemaker:us-east-1:123456789012:model/name", "1", "us-east-1", "s3://bucket/key"),
    *("arn:aws:iam::123456789012:role/name", "arn:aws:s3:::bucket/key", "123456789012", "https://host/path"),
    *("ab123456789a", "i-0123456789abcdef0", "/aws/name", "PT1H", "a@b.org", "2026-01-01T00:00:00Z"),
)


def request_for(operation: OperationModel) -> dict[str, Any]:
    """The least that an operation takes."""
    return _value(operation.input_shape, 0) if operation.input_shape else {}


def _value(shape: Any, depth: int) -> Any:
    if shape.type_name == "structure":
        required = shape.required_members or ([] if not shape.is_tagged_union else list(shape.members)[:1])
        return {name: _value(shape.members[name], depth + 1) for name in required if depth < 8}
    if shape.type_name == "list":
        return [_value(shape.member, depth + 1)] * max(1, shape.metadata.get("min", 1))
    if shape.type_name == "map":
        return {_value(shape.key, depth + 1): _value(shape.value, depth + 1)}
    if shape.type_name == "string":
        return _text(shape)
    if shape.type_name in ("integer", "long", "float", "double"):
        return max(1, int(shape.metadata.get("min", 1)))
    return {"boolean": True, "blob": b"{}", "timestamp": 1_700_000_000}[shape.type_name]


def _text(shape: Any) -> str:
    if enum := getattr(shape, "enum", None):
        return str(enum[0])
    least, most = shape.metadata.get("min", 1), shape.metadata.get("max", 2048)
    for candidate in CANDIDATES:
        text = candidate.ljust(least, "a")
        try:
            if len(text) <= most and re.fullmatch(shape.metadata.get("pattern", ".*"), text):
                return str(text)
        except re.error:
            return str(text)
    return "a" * int(max(1, least))
