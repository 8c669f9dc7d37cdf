"""The project as a person runs it with Docker Compose, from a copy of its files."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from scripts.airflow_client import AirflowClient
from tests.compose.engine import Engine, run

SERVICE = "com.docker.compose.service"
PROJECT = Path(__file__).resolve().parents[2]
# Builds have no network of Docker's: the engine makes no firewall rules that would let them out.
BUILD_NETWORK = "services:\n  init: {build: {network: host}}\n  aws: {build: {network: host}}\n"


def copy_project(folder: Path) -> None:
    """Copy what git has, or would take, as a fresh clone has it."""
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=PROJECT)
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)


class ComposeStack:
    """
    The stack with its profile ``local``, in a folder of its own.

    :param engine: that runs it
    :param project: a copy of the project
    """

    def __init__(self, engine: Engine, project: Path) -> None:
        self._engine = engine
        self._project = project
        (project / "build-network.yml").write_text(BUILD_NETWORK)

    def compose(self, *arguments: str, stdin: str = "") -> str:
        """Run a ``docker-compose`` command with the profile ``local`` and return its standard output."""
        files = ["--file", "docker-compose.yml", "--file", "build-network.yml"]
        return run(
            ["docker-compose", *files, "--profile", "local", *arguments],
            # Any free port of the machine.
            env={**self._engine.environment, "AIRFLOW_PORT": "0"},
            cwd=self._project,
            stdin=stdin,
        )

    def containers(self, service: str | None = None) -> list[dict[str, Any]]:
        """
        Return all that Docker knows of the stack's containers, those that have ended included.

        :param service: only this service's
        """
        label = f"{SERVICE}={service}" if service else SERVICE
        ids = self._engine.docker("ps", "--all", "--quiet", "--filter", f"label={label}").split()
        found: list[dict[str, Any]] = json.loads(self._engine.docker("inspect", *ids)) if ids else []
        return found

    def published_ports(self) -> dict[str, str]:
        """Return the addresses on the machine that lead into containers, by service."""
        return {
            container["Config"]["Labels"][SERVICE]: f"{binding['HostIp']}:{binding['HostPort']}"
            for container in self.containers()
            for bindings in container["NetworkSettings"]["Ports"].values()
            for binding in bindings or []
        }

    def client(self) -> AirflowClient:
        """Return a client of the API server, as admin."""
        password = re.search(r"^ADMIN_PASSWORD=(.+)$", (self._project / ".env").read_text(), re.MULTILINE)
        assert password
        return AirflowClient(f"http://{self.published_ports()['api-server']}", password[1])

    def in_aws(self, script: str) -> Any:
        """
        Run Python where the embedded AWS is; nothing outside of the containers reaches it.

        :param script: may use ``client(service)``, a boto3 client, and ``control``, and sets ``answer``
        :return: the answer
        """
        before = (
            "import json, boto3\n"
            "from include.local_aws.control import Control\n"
            "url = 'http://127.0.0.1:4566'\n"
            "def client(service):\n"
            "    return boto3.Session('local', 'local', region_name='us-east-1')"
            ".client(service, endpoint_url=url)\n"
            "control = Control(url)\n"
            "answer = None\n"
        )
        after = "\nprint(json.dumps(answer, default=str))\n"
        (container,) = self.containers("aws")
        command = ["exec", "--interactive", container["Id"], "python", "-"]
        return json.loads(self._engine.docker(*command, stdin=before + script + after))

    def kill(self, container: str) -> None:
        """End a container as a lost machine would end it."""
        self._engine.docker("kill", "--signal", "KILL", container)

    def logs(self) -> str:
        """The ends of all services' logs."""
        return self.compose("logs", "--no-color", "--tail", "25")
