"""Processes of a verification: each in a session of its own, and none outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from scripts.airflow_settings import PROJECT

STOP_SECONDS = 10
# Longer than Airflow lets any task of a retrain take.
RUN_SECONDS = 3 * 3600
SHOWN_LINES = 15


class RunError(Exception):
    """A process of the verification failed; the message has the end of its output."""


def own_environment() -> dict[str, str]:
    """Return the environment without what would lead another Airflow or Python astray."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "PYTHON"))}


def run(command: list[str], environment: Mapping[str, str], log: Path) -> None:
    """
    Run a command with its output in a file.

    In a session of its own: Ctrl-C is for this process, which then ends that one with all its children.

    :raises RunError: when it fails
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code = process.wait(RUN_SECONDS)
        except BaseException as error:
            # Airflow takes a signal that it hears for a person's wish, and would stop the execution itself.
            # That is the removal's to do.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_SECONDS)
            if isinstance(error, subprocess.TimeoutExpired):
                raise RunError(f"{' '.join(command[:4])} did not end in {RUN_SECONDS} s; see {log}") from None
            raise
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-SHOWN_LINES:])
        raise RunError(f"{' '.join(command[:4])} ended with {code}; the end of {log}:\n{tail}")
