"""Step Functions as the poller sees it, with faults on demand; and waits on it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Self

from botocore.exceptions import ClientError

from retraining.triggers.connection import PollerKey
from retraining.triggers.pollers import Pollers
from retraining.triggers.wait import Wait

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
KEY = PollerKey(MACHINE, "aws_default", None)


def arn(number: int) -> str:
    return f"arn:aws:states:us-east-1:123456789012:execution:m:{number}"


def client_error(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "…"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Any")


class FakeStates:
    """Step Functions as the poller sees it: executions with a status, and faults on demand."""

    def __init__(self, count: int = 0) -> None:
        self.status = {arn(number): "RUNNING" for number in range(count)}
        self.unlisted: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.connections = 0
        self.faults: dict[str, list[Exception]] = {}
        self.faults_of: dict[str, Exception] = {}
        self.details: dict[str, dict[str, Any]] = {}
        self.latency: dict[str, float] = {}
        self.events: list[dict[str, Any]] = []
        self.on_list: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Self:
        self.connections += 1
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def _call(self, name: str) -> None:
        self.calls[name] += 1
        if latency := self.latency.get(name):
            await asyncio.sleep(latency)
        if self.faults.get(name):
            raise self.faults[name].pop(0)

    async def list_executions(self, **request: Any) -> dict[str, Any]:
        await self._call("list")
        self.on_list()
        assert request["statusFilter"] == "RUNNING"
        running = [a for a, status in self.status.items() if status == "RUNNING" and a not in self.unlisted]
        start = int(request.get("nextToken", 0))
        page = {"executions": [{"executionArn": a} for a in running[start : start + 1000]]}
        return page | ({"nextToken": str(start + 1000)} if len(running) > start + 1000 else {})

    async def describe_execution(self, **request: Any) -> dict[str, Any]:
        await self._call("describe")
        execution = request["executionArn"]
        if error := self.faults_of.get(execution):
            raise error
        if execution not in self.status:
            raise client_error("ExecutionDoesNotExist")
        return {
            "executionArn": execution,
            "status": self.status[execution],
            **self.details.get(execution, {}),
        }

    async def stop_execution(self, **request: Any) -> None:
        await self._call("stop")
        self.status[request["executionArn"]] = "ABORTED"

    async def get_execution_history(self, **request: Any) -> dict[str, Any]:
        await self._call("history")
        assert request["reverseOrder"]
        return {"events": list(reversed(self.events))}


async def ended(wait: Wait, key: PollerKey = KEY) -> Wait:
    """Wait as the trigger does."""
    poller = Pollers.here().join(key, wait)
    try:
        while wait.ended is None and wait.error is None:
            await wait.changed.wait()
            wait.changed.clear()
    finally:
        poller.leave(wait)
    return wait


def run(*waits: Wait) -> list[Wait]:
    async def together() -> list[Wait]:
        async with asyncio.timeout(20):
            return await asyncio.gather(*(ended(wait) for wait in waits))

    return asyncio.run(together())


def after_rounds(states: FakeStates, rounds: int, status: str = "SUCCEEDED") -> None:
    """End every execution once the list has been asked so often."""

    def end() -> None:
        if states.calls["list"] > rounds:
            states.status = dict.fromkeys(states.status, status)

    states.on_list = end
