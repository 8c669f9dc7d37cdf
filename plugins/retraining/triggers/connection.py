"""Clients for the triggerer, with all that the task says about its connection."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from airflow.providers.amazon.aws.hooks.step_function import StepFunctionHook


class PollerKey(NamedTuple):
    """What waits have to have in common to share a poller.

    :param verify: as the connection's ``verify``.
    :param botocore_config: JSON of the arguments of botocore's Config.
    """

    state_machine_arn: str
    aws_conn_id: str | None
    region_name: str | None
    verify: bool | str | None = None
    botocore_config: str | None = None


async def connect(key: PollerKey) -> Any:
    """A client, which reads the connection anew, and so the refreshed credentials."""
    hook = StepFunctionHook(
        aws_conn_id=key.aws_conn_id,
        region_name=key.region_name,
        verify=key.verify,
        config=json.loads(key.botocore_config) if key.botocore_config else None,
    )
    return await hook.get_async_conn()  # type: ignore[no-untyped-call]
