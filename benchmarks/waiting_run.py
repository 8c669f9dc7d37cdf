"""Measures one side of the waiting benchmark, with an embedded AWS and a process of its own."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil

from benchmarks.embedded_aws import EmbeddedAws, running_aws
from benchmarks.waiting_figures import Figures, Setting
from include.local_aws.control import RequestCounts
from scripts.airflow_settings import PROJECT, airflow_environment

WATCHED_ROUNDS = 4
# Triggers ask AWS only.
NO_AIRFLOW = "http://127.0.0.1:1"
SAMPLE_SECONDS = 0.2
# The embedded AWS starts about twice as many.
STARTS_PER_SECOND = 60
DEFINITION = {
    "StartAt": "Wait",
    "States": {"Wait": {"Type": "Wait", "TimestampPath": "$.until", "End": True}},
}


def measure(side: str, setting: Setting, folder: Path) -> Figures:
    """Let one side wait.

    :param side: one of :data:`benchmarks.waiting_side.SIDES`.
    :param folder: for logs and interim files.
    :raises RuntimeError: when the first execution ended before all were waited for, or events did not come.
    """
    result = folder / "result.json"
    with running_aws(folder / "aws") as aws, (folder / "side.log").open("wb") as log:
        child = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.waiting_side", side),
                *(folder / "arns", str(setting.delay), result),
            ],
            cwd=PROJECT,
            # A triggerer's: Airflow's example plugins, say, would keep ours from ending a task there.
            env=airflow_environment(
                folder / "airflow", NO_AIRFLOW, aws.endpoint_url, PROJECT / "include" / "models"
            )
            | {"PYTHONPATH": str(PROJECT / "plugins")},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            return _Measurement(side, setting, aws, child, folder).take()
        finally:
            child.kill()
            child.wait()


class _Measurement:
    def __init__(
        self, side: str, setting: Setting, aws: EmbeddedAws, child: subprocess.Popen[bytes], folder: Path
    ) -> None:
        self.side, self.setting, self.aws, self.child, self.folder = side, setting, aws, child, folder
        self.states = aws.client("stepfunctions")
        [stack] = aws.client("cloudformation").describe_stacks()["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        self.machine = self.states.create_state_machine(
            name="waits", definition=json.dumps(DEFINITION), roleArn=outputs["StateMachineRoleArn"]
        )["stateMachineArn"]
        self.peak = 0

    def take(self) -> Figures:
        setting = self.setting
        self._await(lambda: self._says("ready"), 60)
        first_end = math.ceil(time.time() + 5 + setting.waits / STARTS_PER_SECOND + setting.hold)
        (self.folder / "arns").write_text("\n".join(self._start_executions(first_end)))
        if time.time() > first_end - setting.hold:
            raise RuntimeError("starting the executions took too long; is the machine busy?")
        self._sleep_until(first_end - setting.hold)
        self.aws.control.reset_requests()
        self.aws.control.enforce_quotas(setting.quotas)
        self.peak = before = self._sample()
        if self.child.stdin:
            self.child.stdin.close()
        per_round = self._watch_rounds(first_end)
        self._sleep_until(first_end + setting.spread)
        self._await(lambda: self.child.poll() == 0, setting.patience)
        counted = self.aws.control.requests()
        self.aws.control.enforce_quotas(False)
        return self._figures(counted, per_round, before)

    def _start_executions(self, first_end: float) -> list[str]:
        """Start them so that the first one ends at a given time (UTC, seconds since the epoch)."""
        step = self.setting.spread / (self.setting.waits - 1)

        def start(number: int) -> str:
            until = datetime.fromtimestamp(first_end + step * number, UTC)
            given = {"until": f"{until:%Y-%m-%dT%H:%M:%S}Z"}
            started = self.states.start_execution(stateMachineArn=self.machine, input=json.dumps(given))
            return str(started["executionArn"])

        with ThreadPoolExecutor(4) as threads:
            return list(threads.map(start, range(self.setting.waits)))

    def _watch_rounds(self, first_end: float) -> dict[str, float]:
        self._sleep_until(first_end - 1 - WATCHED_ROUNDS * self.setting.delay)
        earlier = self.aws.control.requests().counts
        polled = earlier.get("stepfunctions.DescribeExecution", 0)
        if not self._says("waiting") or (self.side == "stock" and polled < self.setting.waits):
            raise RuntimeError(f"not all waits of {self.side} had begun in time: give a longer --hold")
        self._sleep_until(first_end - 1)
        later = self.aws.control.requests().counts
        return {
            operation.partition(".")[2]: (count - earlier.get(operation, 0)) / WATCHED_ROUNDS
            for operation, count in later.items()
            if count > earlier.get(operation, 0)
        }

    def _says(self, word: str) -> bool:
        return word in (self.folder / "side.log").read_text().splitlines()

    def _sample(self) -> int:
        """Read the child's memory (RSS, bytes), and keep the most that it was."""
        with suppress(psutil.NoSuchProcess):
            rss: int = psutil.Process(self.child.pid).memory_info().rss
            self.peak = max(self.peak, rss)
            return rss
        return 0

    def _sleep_until(self, moment: float) -> None:
        while (left := moment - time.time()) > 0:
            self._tick(left)

    def _await(self, done: Callable[[], bool], seconds: float) -> None:
        deadline = time.time() + seconds
        while not done():
            self._tick(SAMPLE_SECONDS)
            if time.time() > deadline:
                raise RuntimeError(f"{self.side} did not come to its end in {seconds:.0f} s")

    def _tick(self, seconds: float) -> None:
        if self.child.poll():
            raise RuntimeError(f"{self.side} died:\n{(self.folder / 'side.log').read_text()[-3000:]}")
        self._sample()
        time.sleep(min(SAMPLE_SECONDS, seconds))

    def _figures(self, counted: RequestCounts, per_round: dict[str, float], before: int) -> Figures:
        result = json.loads((self.folder / "result.json").read_text())
        for fault in sorted(set(result["faults"]))[:3]:
            print(f"{self.side}: {fault}", file=sys.stderr)
        ends = self._ends()
        return Figures(
            calls_per_round=per_round,
            calls={name.partition(".")[2]: count for name, count in sorted(counted.counts.items())},
            throttled=sum(counted.throttled.values()),
            cpu_seconds=result["cpu_seconds"],
            memory_mib=(self.peak - before) / 2**20,
            rss_mib=self.peak / 2**20,
            delays=[at - ends[arn] for arn, (at, _) in result["events"].items()],
            unsuccessful=self.setting.waits - sum(success for _, success in result["events"].values()),
        )

    def _ends(self) -> dict[str, float]:
        pages = self.states.get_paginator("list_executions").paginate(
            stateMachineArn=self.machine, PaginationConfig={"PageSize": 1000}
        )
        return {
            execution["executionArn"]: execution["stopDate"].timestamp()
            for page in pages
            for execution in page["executions"]
        }
