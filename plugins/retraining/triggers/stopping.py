"""Stops an execution whose wait a person has ended."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from retraining.execution.causes import kill_cause
from retraining.triggers.aws_faults import Fault, kind_of
from retraining.triggers.connection import PollerKey, connect
from retraining.triggers.succession import Succession, Verdict

if TYPE_CHECKING:
    from retraining.airflow_internals import TaskTry

TRY_AGAIN_SECONDS = 2.0


async def stop_if_killed(
    succession: Succession | None,
    key: PollerKey,
    execution_arn: str,
    *,
    ti: TaskTry | None,
    redrive_count: int | None,
    seconds: float,
    log: Any,
) -> None:
    """Stop the execution unless another triggerer waits for it; where that cannot be known, it goes on.

    :param succession: of the trigger that was cancelled; None when it had no time to sign.
    :param redrive_count: the execution's, as the wait knew it: what was redriven since is another's.
    :param seconds: how long this may take.
    :param log: of the task that waited.
    """
    until = time.monotonic() + seconds
    verdict, why = Verdict.UNCLEAR, "the wait had hardly begun"
    if succession:
        # Some is left for the stop itself.
        verdict, why = await succession.verdict(seconds * 0.7)
    if verdict is Verdict.MOVED:
        log.info("%s goes on: %s", execution_arn, verdict.value)
        return
    if verdict is Verdict.UNCLEAR:
        log.error(
            "%s goes on: whether a person ended this wait, or another triggerer took it over, could not be"
            " found out (%s). If it is no longer wanted, stop it in AWS.",
            execution_arn,
            why,
        )
        return
    cause = kill_cause(ti.dag_id, ti.run_id, ti.task_id) if ti else "Airflow's task was killed"
    while True:
        try:
            async with asyncio.timeout(until - time.monotonic()), await connect(key) as client:
                log.info("%s", await _stop(client, execution_arn, redrive_count, cause))
            return
        except Exception as error:
            if kind_of(error) is Fault.HOPELESS or time.monotonic() + TRY_AGAIN_SECONDS > until:
                log.exception("Could not stop %s; it goes on", execution_arn)
                return
            log.warning("Stopping %s again: %s", execution_arn, error)
            await asyncio.sleep(TRY_AGAIN_SECONDS)


async def _stop(client: Any, arn: str, redrive_count: int | None, cause: str) -> str:
    try:
        execution = await client.describe_execution(executionArn=arn)
    except ClientError as error:
        # It may have begun a moment ago.
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        execution = {}
    if redrive_count is not None and execution.get("redriveCount", 0) > redrive_count:
        return f"{arn} goes on: it was redriven after this wait"
    await client.stop_execution(executionArn=arn, cause=cause)
    return f"Stopped {arn}"
