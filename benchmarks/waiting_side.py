"""Runs one kind of trigger for many executions, as a triggerer does, and measures this process.

Started by :mod:`benchmarks.waiting_run`, a process for each side, so that no side pays for the other. It says
``ready`` when everything is imported and ``waiting`` when every trigger runs; it begins
when its standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# A triggerer has these imported long before the thousandth trigger; none of it counts for either side.
import aiobotocore.session  # type: ignore[import-untyped]  # noqa: F401
import boto3  # noqa: F401
import greenback
from airflow.providers.amazon.aws.triggers.step_function import StepFunctionsExecutionCompleteTrigger
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent

from retraining.triggers.execution import ExecutionTrigger

CONNECTION = "aws_default"
# By default the stock trigger gives up after 30 polls.
STOCK_ATTEMPTS = 1_000_000


def _ours(arn: str, delay: int, *, follow: bool = False) -> BaseTrigger:
    return ExecutionTrigger(arn, CONNECTION, poll_seconds=float(delay), follow=follow)


def _following(arn: str, delay: int) -> BaseTrigger:
    return _ours(arn, delay, follow=True)


def _stock(arn: str, delay: int) -> BaseTrigger:
    return StepFunctionsExecutionCompleteTrigger(
        execution_arn=arn, waiter_delay=delay, waiter_max_attempts=STOCK_ATTEMPTS, aws_conn_id=CONNECTION
    )


SIDES: dict[str, Callable[[str, int], BaseTrigger]] = {
    "ours": _ours,
    "ours, with states": _following,
    "stock": _stock,
}


async def _wait(trigger: BaseTrigger) -> tuple[float, bool]:
    """Give the time of a trigger's event (UTC, seconds since the epoch), and whether it is a success."""
    # As TriggerRunner.run_trigger does before it runs a trigger.
    await greenback.ensure_portal()
    async for event in trigger.run():
        success = isinstance(event, TaskSuccessEvent) or (
            isinstance(event.payload, dict) and event.payload.get("status") == "success"
        )
        return time.time(), success
    raise RuntimeError("a trigger ended without an event")


async def _wait_for_all(make: Callable[[str, int], BaseTrigger], arns: list[str], delay: int) -> list[Any]:
    tasks = []
    for arn in arns:
        # As TriggerRunner.create_triggers does: whatever is under way goes on between two triggers.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(_wait(make(arn, delay))))
    print("waiting", flush=True)
    return await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("arns", type=Path, help="file with one execution's ARN a line")
    parser.add_argument("delay", type=int, help="seconds between polls")
    parser.add_argument("result", type=Path, help="file to write")
    given = parser.parse_args()
    # The stock trigger writes a line a poll; neither side shall pay for its log here.
    logging.getLogger().setLevel(logging.ERROR)
    print("ready", flush=True)
    sys.stdin.read()
    arns, before = given.arns.read_text().split(), time.process_time()
    results = asyncio.run(_wait_for_all(SIDES[given.side], arns, given.delay))
    cpu_seconds = time.process_time() - before
    faults = [repr(result) for result in results if isinstance(result, BaseException)]
    events = {
        arn: list(result) for arn, result in zip(arns, results, strict=True) if isinstance(result, tuple)
    }
    given.result.write_text(json.dumps({"cpu_seconds": cpu_seconds, "events": events, "faults": faults}))


if __name__ == "__main__":
    main()
