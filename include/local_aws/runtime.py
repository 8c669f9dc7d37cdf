"""What the services of the embedded AWS share: where it listens, where it keeps files, what runs its jobs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
from botocore.config import Config

from include.local_aws.faults.faults import Faults
from include.local_aws.faults.kinds import DelayJob, FailJob
from include.local_aws.jobs import Job, JobPool

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"

# Anything is accepted as a credential; these only have to be there for boto3 to sign with.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
# An administrator whose reads are never behind: tests look with it at what is really so.
OBSERVER_KEY = "AKIALOCALOBSERVER"
# The principal with the policy that the template makes for Airflow; it is there when policies are enforced.
AIRFLOW_USER = "airflow"
AIRFLOW_KEY = {"AWS_ACCESS_KEY_ID": "AKIALOCALAIRFLOW", "AWS_SECRET_ACCESS_KEY": "local"}
# A key that begins so is that of the role whose name follows.
ROLE_KEY = "role."
# Above Lambda's longest run (15 minutes), the slowest call that one service makes to another.
READ_TIMEOUT_SECONDS = 1000


def credentials(role: str) -> dict[str, str]:
    """What a service signs with that has taken a role, given by its ARN; empty is the administrator."""
    return (
        {**CREDENTIALS, "AWS_ACCESS_KEY_ID": f"{ROLE_KEY}{role.rpartition('/')[2]}"} if role else CREDENTIALS
    )


@dataclass
class Runtime:
    """
    The embedded AWS that is running in this process.

    :param endpoint_url: its own address, for the services that call each other and for the jobs.
    :param state_dir: logs and scratch files, one folder a service.
    :param compute: runs training jobs and Glue job runs.
    :param functions: runs Lambda invocations.
    :param faults: what is to go wrong.
    """

    endpoint_url: str
    state_dir: Path
    compute: JobPool
    functions: JobPool
    faults: Faults
    _endings: list[Callable[[], None]] = field(default_factory=list)
    _clients: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on_close(self, call: Callable[[], None]) -> None:
        """Have a call made when the embedded AWS stops, before its jobs are stopped."""
        self._endings.append(call)

    def close(self) -> None:
        """Stop what the services keep running, and every job with its children."""
        for call in self._endings:
            call()
        self.compute.close()
        self.functions.close()

    def client(self, service: str, region: str = REGION, *, role: str = "") -> Any:
        """
        A boto3 client of this very server; made once, as making one costs more than most calls.

        :param role: ARN of the role that calls with it; without one it is the account's administrator.
        """
        key = credentials(role)
        with self._lock:
            if (service, region, role) not in self._clients:
                self._clients[service, region, role] = boto3.client(  # type: ignore[call-overload]
                    service,
                    region_name=region,
                    endpoint_url=self.endpoint_url,
                    aws_access_key_id=key["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"],
                    config=Config(
                        retries={"total_max_attempts": 1},
                        max_pool_connections=50,
                        read_timeout=READ_TIMEOUT_SECONDS,
                    ),
                )
            return self._clients[service, region, role]

    def child_environment(self, role: str) -> dict[str, str]:
        """
        Environment of a job: this server as its only AWS, and nothing of the project on its path.

        :param role: ARN of the role that the job runs with.

        What the person who started the server has exported (profiles, real credentials, PYTHONPATH)
        must not reach a job: on AWS it would not be there either.
        """
        inherited = ("PATH", "LANG", "JAVA_HOME", "TMPDIR")
        kept = {name: os.environ[name] for name in inherited if name in os.environ}
        return {
            **kept,
            **credentials(role),
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONUNBUFFERED": "1",
            "HOME": str(self.state_dir),
        }

    def befall(self, service: str, name: str, child: Job) -> str | None:
        """
        Let a job take longer if a fault wants it to.

        :return: why it fails, if a fault wants it to.
        :raises JobStoppedError: when it is stopped meanwhile.
        """
        if delay := self.faults.take(DelayJob, service=service, name=name):
            child.pause(delay.seconds)
        failure = self.faults.take(FailJob, service=service, name=name)
        return failure.reason if failure else None

    def log_path(self, kind: str, name: str) -> Path:
        """Where the output of a job is kept: logs/<kind>/<name>.log."""
        return self.state_dir / "logs" / kind / f"{name}.log"

    @contextmanager
    def scratch(self, kind: str) -> Iterator[Path]:
        """A folder for one job's files, gone when the job is."""
        root = self.state_dir / "scratch"
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f"{kind}-", dir=root, ignore_cleanup_errors=True) as folder:
            yield Path(folder)
