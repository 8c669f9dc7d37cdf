"""Waits for an execution in the triggerer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.providers.amazon.aws.hooks.step_function import StepFunctionHook
from airflow.triggers.base import BaseTrigger, TriggerEvent

# Short executions are noticed quickly, long ones cost few calls.
MIN_POLL_SECONDS = 1.0
MAX_POLL_SECONDS = 30.0
POLL_SHARE = 0.1


def poll_interval(waited: float) -> float:
    """Seconds until the next look at an execution that has been waited for so many seconds."""
    return min(max(waited * POLL_SHARE, MIN_POLL_SECONDS), MAX_POLL_SECONDS)


class ExecutionTrigger(BaseTrigger):
    """Fires once, when the execution has ended, with ``{"execution_arn": …, "status": …}``.

    :param execution_arn: the execution to wait for.
    :param aws_conn_id: Airflow connection to AWS.
    :param region_name: AWS region, when it is not the connection's.
    """

    def __init__(self, execution_arn: str, aws_conn_id: str | None, region_name: str | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.execution_arn = execution_arn
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give class path and arguments."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "execution_arn": self.execution_arn,
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
        }

    async def _connect(self) -> Any:
        hook = StepFunctionHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)
        return await hook.get_async_conn()  # type: ignore[no-untyped-call]

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until the execution is no longer running."""
        since = time.monotonic()
        async with await self._connect() as client:
            while True:
                execution = await client.describe_execution(executionArn=self.execution_arn)
                if execution["status"] != "RUNNING":
                    break
                await asyncio.sleep(poll_interval(time.monotonic() - since))
        event = {"execution_arn": self.execution_arn, "status": execution["status"]}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Stop the execution when a person marks the task failed or clears it."""
        async with await self._connect() as client:
            await client.stop_execution(
                executionArn=self.execution_arn, cause="The Airflow task that waited for it was killed"
            )
