"""A real Airflow and the embedded AWS on this machine, started and stopped as one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from include.local_aws.runtime import AIRFLOW_KEY
from scripts import processes
from scripts.airflow_client import AirflowClient
from scripts.airflow_settings import AIRFLOW_BIN, PROJECT, airflow_environment, base_environment
from scripts.components import (
    AIRFLOW_COMPONENTS,
    ALL,
    API_SERVER,
    AWS,
    STOP_ORDER,
    StackError,
    airflow_command,
    aws_command,
    choose_ports,
    migrate,
)
from scripts.pools import ensure_pools
from scripts.processes import Child
from scripts.readiness import await_ready


class LocalStack:
    """
    A real Airflow (four processes of its own) and the embedded AWS, on 127.0.0.1.

    :param state_dir: database, logs, secrets, and the record of what runs
    :param airflow_port: preferred port of the API server; the next free one when taken; 0 for any
    :param aws_port: preferred port of the embedded AWS, likewise
    :param models_folder: the folder with one folder a model
    :param database: SQLAlchemy URL of Airflow's database; a SQLite file of its own by default
    :param enforce_iam: let the embedded AWS enforce policies, Airflow having no more than the stack's for it
    :param say: takes a line of progress
    """

    def __init__(
        self,
        state_dir: Path = PROJECT / "build",
        *,
        airflow_port: int = 0,
        aws_port: int = 0,
        models_folder: Path = PROJECT / "include" / "models",
        database: str | None = None,
        enforce_iam: bool = False,
        say: Callable[[str], None] = print,
    ) -> None:
        self.state_dir = state_dir.resolve()
        self.home = self.state_dir / "airflow"
        self.logs = self.state_dir / "logs"
        self.models_folder = models_folder
        self._database = database
        self._enforce_iam = enforce_iam
        self._say = say
        self._preferred = {API_SERVER: airflow_port, AWS: aws_port}
        self._record = self.state_dir / "stack.json"
        # Kept so that a child that ends while this program lives is reaped.
        self._handles: list[subprocess.Popen[bytes]] = []

    @property
    def airflow_url(self) -> str:
        """Where Airflow answers."""
        return self._url(API_SERVER)

    @property
    def aws_url(self) -> str:
        """Where the embedded AWS answers."""
        return self._url(AWS)

    def client(self) -> AirflowClient:
        """Return a client of Airflow's REST API."""
        return AirflowClient(self.airflow_url)

    def aws(self, service: str) -> Any:
        """Return a boto3 client of the embedded AWS, e.g. of ``stepfunctions``."""
        session: Any = boto3.Session("local", "local", region_name="us-east-1")
        return session.client(service, endpoint_url=self.aws_url)

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the CloudFormation stack that the embedded AWS has provisioned."""
        (stack,) = self.aws("cloudformation").describe_stacks(StackName="model-retraining")["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def environment(self) -> dict[str, str]:
        """Return the environment of the Airflow components, for commands that shall see what they see."""
        login = AIRFLOW_KEY["AWS_ACCESS_KEY_ID"] if self._enforce_iam else "local"
        env = airflow_environment(self.home, self.airflow_url, self.aws_url, self.models_folder, login)
        return env | ({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self._database} if self._database else {})

    def pids(self, component: str) -> list[int]:
        """Return the process ids of a component, the one that was started first; empty when it is down."""
        child = processes.load(self._record)[0].get(component)
        found = [process.pid for process in child.family()] if child else []
        return sorted(found, key=lambda pid: child is None or pid != child.pid)

    def up(self, *, timeout_s: float = 180) -> None:
        """
        Start what is not running yet, and wait until all of it works.

        :param timeout_s: seconds to wait at most
        :raises StackError: when a part cannot start; what this call started is stopped again
        """
        with self._locked():
            children, recorded = self._alive()
            missing = [name for name in ALL if name not in children]
            if not missing:
                self._say("everything is running already")
            elif children:
                self._say(f"running already: {', '.join(children)}; starting: {', '.join(missing)}")
                if AWS in missing:
                    self._say("the embedded AWS had died, and what it held in memory with it: it starts anew")
            at = choose_ports(self._preferred, set(children), recorded, self._say)
            self._start(missing, children, at, timeout_s)

    def down(self) -> int:
        """Stop everything that :meth:`up` started, and every process these started; return how many."""
        with self._locked():
            children, _ = processes.load(self._record)
            groups = [[children[name] for name in group if name in children] for group in STOP_ORDER]
            stopped = sum(processes.stop(group) for group in groups)
            self._record.unlink(missing_ok=True)
            return stopped

    def stop(self, component: str, *, kill: bool = False) -> None:
        """
        Stop one component; :meth:`up` starts it again, on its port.

        :param component: e.g. ``scheduler``
        :param kill: end it as a crash would, without a chance to tidy up
        """
        with self._locked():
            children, _ = processes.load(self._record)
            if component in children:
                processes.stop([children[component]], kill=kill)

    def restart(self, component: str, *, kill: bool = False, timeout_s: float = 120) -> None:
        """
        Stop one component and start it again on its port.

        :param component: e.g. ``scheduler``
        :param kill: end it as a crash would, without a chance to tidy up
        :param timeout_s: seconds to wait at most until all works again
        """
        self.stop(component, kill=kill)
        self.up(timeout_s=timeout_s)

    def airflow(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run an ``airflow`` command against this stack; its output is in the result, stderr included."""
        return subprocess.run(
            [str(AIRFLOW_BIN / "airflow"), *arguments],
            env=self.environment() | (env or {}),
            cwd=self.state_dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def _start(
        self, missing: Sequence[str], children: dict[str, Child], at: dict[str, int], timeout_s: float
    ) -> None:
        started = datetime.now(UTC)
        begun: list[Child] = []

        def start(name: str, command: Sequence[str], env: dict[str, str]) -> None:
            log = self.logs / f"{name}.log"
            log.unlink(missing_ok=True)
            child, handle = processes.spawn(name, command, env=env, log=log, cwd=PROJECT)
            self._handles.append(handle)
            begun.append(child)
            children[name] = child
            processes.save(self._record, children, at)

        processes.save(self._record, children, at)
        aws_dir = self.state_dir / "aws"
        try:
            if AWS in missing:
                (aws_dir / "ready.json").unlink(missing_ok=True)
                options = ["--enforce-iam"] if self._enforce_iam else []
                start(AWS, aws_command(at[AWS], aws_dir, *options), base_environment())
            env = self.environment()
            migrate(self.home, env, self.logs / "db-migrate.log", self._say)
            for name in AIRFLOW_COMPONENTS:
                if name in missing:
                    start(name, airflow_command(name, at[API_SERVER]), env)
            await_ready(
                children,
                fresh=set(missing),
                started=started,
                airflow_url=self.airflow_url,
                aws_ready_file=aws_dir / "ready.json",
                models_folder=self.models_folder,
                logs=self.logs,
                timeout_s=timeout_s,
                say=self._say,
            )
            ensure_pools(self.client(), self.models_folder)
        except BaseException:
            processes.stop(begun)
            raise

    def _alive(self) -> tuple[dict[str, Child], dict[str, int]]:
        children, recorded = processes.load(self._record)
        for child in [child for child in children.values() if child.process() is None]:
            processes.stop([child])  # what a dead parent left behind
            del children[child.name]
        return children, recorded

    def _url(self, name: str) -> str:
        recorded = processes.load(self._record)[1]
        if name not in recorded:
            raise StackError(f"{name} is not running: `make up` starts it")
        return f"http://127.0.0.1:{recorded[name]}"

    def _locked(self) -> AbstractContextManager[None]:
        return processes.locked(self.state_dir / "stack.lock", self._say)
