"""The two calls that say how executions are, within the request quotas."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from retraining.triggers.rate_limit import TokenBucket

PARALLEL_DESCRIBES = 16


async def running(client: Any, state_machine_arn: str, quota: TokenBucket) -> dict[str, Mapping[str, Any]]:
    """Executions that run, as ListExecutions shows them: it is eventually consistent."""
    found: dict[str, Mapping[str, Any]] = {}
    request = {"stateMachineArn": state_machine_arn, "statusFilter": "RUNNING", "maxResults": 1000}
    while True:
        await quota.take()
        page = await client.list_executions(**request)
        found.update((execution["executionArn"], execution) for execution in page["executions"])
        if "nextToken" not in page:
            return found
        request["nextToken"] = page["nextToken"]


async def describe(
    client: Any,
    executions: Iterable[str],
    quota: TokenBucket,
    see: Callable[[str, Mapping[str, Any] | Exception], bool],
) -> list[bool]:
    """Describe executions.

    :param see: gets each at once, as DescribeExecution describes it or with what it said instead.
    :return: what ``see`` returned.
    """
    gate = asyncio.Semaphore(PARALLEL_DESCRIBES)

    async def one(arn: str) -> bool:
        async with gate:
            await quota.take()
            try:
                answer = await client.describe_execution(executionArn=arn)
            except Exception as error:  # noqa: BLE001 - what one execution suffers is no matter of the others
                answer = error
            return see(arn, answer)

    return await asyncio.gather(*map(one, executions))
