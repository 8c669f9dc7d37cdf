"""Answers of services as JSON, with times as Step Functions writes them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any


def json_ready(value: Any, of_time: Callable[[datetime], Any]) -> Any:
    """A response of boto3 as the JSON of a state's output: times written by ``of_time``, bytes in base 64."""
    if isinstance(value, dict):
        return {key: json_ready(item, of_time) for key, item in value.items()}
    if isinstance(value, list):
        return [json_ready(item, of_time) for item in value]
    if isinstance(value, datetime):
        return of_time(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def milliseconds(moment: datetime) -> int:
    """How the optimised integrations write times."""
    return int(moment.timestamp() * 1000)


def iso_8601(moment: date) -> str:
    """How the aws-sdk integrations write times."""
    utc = moment.astimezone(UTC) if isinstance(moment, datetime) else moment
    return utc.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
