"""The processes of the local stack: how each is started, and in which order they stop."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import version
from pathlib import Path

from scripts import ports
from scripts.airflow_settings import AIRFLOW_BIN, PROJECT

AWS = "aws"
API_SERVER = "api-server"
AIRFLOW_COMPONENTS = (API_SERVER, "scheduler", "dag-processor", "triggerer")
ALL = (AWS, *AIRFLOW_COMPONENTS)
# What runs tasks stops first: a stopping task still talks to the other two.
STOP_ORDER = (("scheduler", "triggerer", "dag-processor"), (API_SERVER,), (AWS,))

_LOG_TAIL_LINES = 30


class StackError(Exception):
    """The local stack cannot start or went down; the message says which part, and why."""


def aws_command(port: int, state_dir: Path, *options: str) -> list[str]:
    """Return the command that runs the embedded AWS."""
    python = str(PROJECT / ".venv-local-aws" / "bin" / "python")
    return [python, "-m", "include.local_aws", "--port", str(port), "--state-dir", str(state_dir), *options]


def airflow_command(component: str, port: int) -> list[str]:
    """
    Return the command that runs an Airflow component.

    :param component: one of AIRFLOW_COMPONENTS
    :param port: the API server's
    """
    options = {
        API_SERVER: ["--host", "127.0.0.1", "--port", str(port)],
        # Their log servers would listen on all interfaces; on one machine the logs are read as files.
        "scheduler": ["--skip-serve-logs"],
        "triggerer": ["--skip-serve-logs"],
    }
    return [str(AIRFLOW_BIN / "airflow"), component, *options.get(component, [])]


def choose_ports(
    preferred: Mapping[str, int],
    alive: Collection[str],
    recorded: Mapping[str, int],
    say: Callable[[str], None],
) -> dict[str, int]:
    """
    Choose the ports of the two servers.

    :param preferred: the wanted ones by component; the next free one when taken; 0 for any
    :param alive: the components that run already
    :param recorded: the ports in use since an earlier start
    :param say: takes a line of progress
    :raises StackError: when a server that died left a port that others know, and it is taken
    """
    chosen: dict[str, int] = {}
    for name, port in preferred.items():
        if name in alive:
            chosen[name] = recorded[name]
        elif set(alive) & set(AIRFLOW_COMPONENTS):
            # The Airflow processes that live have both addresses in their environment.
            chosen[name] = recorded[name]
            if not ports.is_free(chosen[name]):
                raise StackError(f"{name} died and its port {chosen[name]} is taken: `make down`, then again")
        else:
            # One that is started anew keeps its address where it can: somebody may have it open in a browser.
            chosen[name] = ports.pick(port or recorded.get(name, 0), taken=chosen.values())
            if port not in (0, chosen[name]):
                say(f"port {port} is taken: {name} uses {chosen[name]}")
    return chosen


def migrate(home: Path, env: Mapping[str, str], log: Path, say: Callable[[str], None]) -> None:
    """
    Create or upgrade Airflow's database, once for each version of Airflow.

    :param home: AIRFLOW_HOME
    :param env: the environment of the Airflow components
    :param log: file that takes the output
    :param say: takes a line of progress
    :raises StackError: when it fails; with the end of the log
    """
    stamp = home / "migrated"
    wanted = version("apache-airflow-core")
    if stamp.exists() and stamp.read_text() == wanted:
        return
    began = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        done = subprocess.run(
            [str(AIRFLOW_BIN / "airflow"), "db", "migrate"],
            env=env,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise StackError(f"`airflow db migrate` failed; the end of its log:\n{tail(log)}")
    stamp.write_text(wanted)
    say(f"database is ready ({time.monotonic() - began:.1f} s)")


def tail(log: Path) -> str:
    """Return the last lines of a log, indented, under its name."""
    lines = log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:] if log.exists() else []
    return "\n".join([f"  {log}:", *(f"  | {line}" for line in lines)])
