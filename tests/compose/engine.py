"""A Docker engine of the test's own, of which nothing but empty folders is left when it stops.

It lives in process and mount namespaces of its own, so that whatever ends it ends its containers and
their mounts too. It makes no rules in the machine's firewall: containers reach each other over their
network's bridge, builds use the machine's network, and published ports go through Docker's proxy.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

log = logging.getLogger(__name__)

PROGRAMS = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "tini": "tini",
    "docker-compose": "docker-compose",
    "debootstrap": "debootstrap",
}
# What the engine writes outside of the folders that it is given.
HIDDEN = ("/etc/docker", "/run/docker", "/run/containerd")
# Whatever ends the first process of these namespaces ends the others, and what they have mounted.
NAMESPACES = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
START_SECONDS = 60
STOP_SECONDS = 60


class CommandError(Exception):
    """A command failed; shows the end of its output."""


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
) -> str:
    """
    Run a command and return its standard output.

    :param env: its whole environment; None for this process's
    :raises CommandError: when it fails
    """
    done = subprocess.run(
        [str(part) for part in command],
        env=env,
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shown = " ".join(str(part) for part in command)[:300]
        raise CommandError(f"`{shown}` ended with {done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout


def install_programs() -> None:
    """Install Debian's packages of the programs that are missing."""
    packages = sorted({package for name, package in PROGRAMS.items() if not shutil.which(name)})
    if packages:
        log.info("installing %s", ", ".join(packages))
        quietly = ["apt-get", "--quiet", "--yes"]
        run([*quietly, "update"])
        # No engine of the machine's own is started.
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        run([*quietly, "install", "--no-install-recommends", *packages], env=env)


class Engine:
    """
    The engine.

    :param folder: images, containers, volumes and the socket; removed when the engine stops
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._socket = folder / "docker.sock"
        self._log = folder / "dockerd.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Environment of Docker's commands: this engine, and no settings of the user's."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "DOCKER_HOST": f"unix://{self._socket}",
            # Debian's engine comes without BuildKit's client.
            "DOCKER_BUILDKIT": "0",
            "COMPOSE_DOCKER_CLI_BUILD": "0",
        }

    def docker(self, *arguments: str | Path, stdin: str = "") -> str:
        """Run a ``docker`` command and return its standard output."""
        return run(["docker", *arguments], env=self.environment, stdin=stdin)

    def start(self) -> None:
        """
        Start the engine and wait until it answers.

        :raises CommandError: when it does not
        """
        self.folder.mkdir(parents=True)
        hide = "".join(f"mkdir -p {path} && mount -t tmpfs tmpfs {path} && " for path in HIDDEN)
        hidden = ["sh", "-c", f'{hide} exec "$@"', "sh"]
        dockerd = ["dockerd", f"--host=unix://{self._socket}", f"--pidfile={self.folder / 'dockerd.pid'}"]
        dockerd += [f"--data-root={self.folder / 'data'}", f"--exec-root={self.folder / 'exec'}"]
        dockerd += ["--bridge=none", "--iptables=false", "--ip6tables=false"]
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                # Killed when this process is, which could no longer stop it then.
                ["/usr/bin/setpriv", "--pdeathsig=KILL", *NAMESPACES, "tini", "--", *hidden, *dockerd],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.docker("version")
                return
            except CommandError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise CommandError(f"dockerd does not run:\n{self._log.read_text()[-4000:]}") from error
                time.sleep(0.2)

    def stop(self) -> None:
        """Stop the engine and every container, and remove the folder."""
        if self._process:
            for child in psutil.Process(self._process.pid).children():
                child.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder)
