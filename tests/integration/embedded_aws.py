"""Starts the embedded AWS for a test and gives its clients."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = PROJECT / ".venv-local-aws" / "bin" / "python"
STACK_NAME = "model-retraining"
START_SECONDS = 90
STOP_SECONDS = 20

T = TypeVar("T")


@dataclass(frozen=True)
class LocalAws:
    """
    A running embedded AWS.

    :param endpoint_url: its address.
    :param pid: its process.
    :param state_dir: where it keeps logs.
    :param login: access key of Airflow's connection: the administrator's, or that of the user with no more
        than Airflow's policy.
    :param stack: name of the stack that is looked at.
    :param looks_with: access key that tests look with, an administrator's.
    """

    endpoint_url: str
    pid: int
    state_dir: Path
    login: str = "local"
    stack: str = STACK_NAME
    looks_with: str = "local"

    def client(self, service: str, login: str = "") -> Any:
        """A boto3 client of it; the administrator's unless another access key is given."""
        return _client(service, self.endpoint_url, login or self.looks_with)

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        stack = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@cache
def _client(service: str, endpoint_url: str, login: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=login,
        aws_secret_access_key="local",  # noqa: S106
        config=Config(retries={"total_max_attempts": 1}),
    )


@contextmanager
def running_aws(state_dir: Path, *arguments: str) -> Iterator[LocalAws]:
    """
    An embedded AWS of its own, on a free port, stopped at the end.

    :param state_dir: where it keeps its files; its output is server.log in there.
    :param arguments: further arguments of its command line.
    :raises AssertionError: with its output, when it dies or is not ready in time.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    log_path, ready = state_dir / "server.log", state_dir / "ready.json"
    with log_path.open("wb") as output:
        process = subprocess.Popen(
            [PYTHON, "-m", "include.local_aws", "--port", "0", "--state-dir", state_dir, *arguments],
            cwd=PROJECT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: ready.exists() or process.poll() is not None, START_SECONDS, log_path.read_text)
        assert process.poll() is None, f"the embedded AWS died with {process.poll()}:\n{log_path.read_text()}"
        about = json.loads(ready.read_text())
        login = about.get("AWS_ACCESS_KEY_ID", "local")
        yield LocalAws(about["endpoint_url"], about["pid"], state_dir, login)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(probe: Callable[[], T | None], seconds: float = 60, explain: Callable[[], object] = str) -> T:
    """
    Ask until the answer is a true one.

    :param seconds: for how long; jobs wait for one another, and for a machine that others load.
    :param explain: gives what to show when the time is over.
    :raises AssertionError: when it never was.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {explain()}"
        time.sleep(0.05)
