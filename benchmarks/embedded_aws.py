"""An embedded AWS of a benchmark's own, on a free port."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from include.local_aws.control import Control
from scripts.airflow_settings import PROJECT, base_environment
from scripts.components import aws_command

START_SECONDS = 120
STOP_SECONDS = 20


class EmbeddedAws:
    """A running embedded AWS.

    :param endpoint_url: its address.
    """

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url
        self.control = Control(endpoint_url)

    def client(self, service: str) -> Any:
        """Make a boto3 client of it."""
        session: Any = boto3.Session("local", "local", region_name="us-east-1")
        return session.client(service, endpoint_url=self.endpoint_url, config=Config(max_pool_connections=16))


@contextmanager
def running_aws(state_dir: Path) -> Iterator[EmbeddedAws]:
    """Start an embedded AWS, and stop it at the end.

    :param state_dir: where it keeps its files; its output is ``server.log`` in there.
    :raises RuntimeError: when it dies, or is not ready after 120 seconds.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    log, ready = state_dir / "server.log", state_dir / "ready.json"
    with log.open("wb") as output:
        process = subprocess.Popen(
            aws_command(0, state_dir),
            cwd=PROJECT,
            env=base_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the embedded AWS did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.1)
        yield EmbeddedAws(json.loads(ready.read_text())["endpoint_url"])
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
