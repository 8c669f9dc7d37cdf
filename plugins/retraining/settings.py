"""Where things are: the ``[retraining]`` section of Airflow's configuration."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk.configuration import conf

from retraining.errors import RetrainingError
from retraining.workflow.compiler import COMPILE_TIMEOUT_SECONDS

SECTION = "retraining"
PROJECT = Path(__file__).resolve().parents[2]


def stack_name() -> str:
    """Name of the CloudFormation stack that holds the project's AWS resources."""
    return str(conf.get(SECTION, "stack_name", fallback="model-retraining"))


def aws_conn_id() -> str:
    """Airflow connection to AWS."""
    return str(conf.get(SECTION, "aws_conn_id", fallback="aws_default"))


def models_folder() -> Path:
    """Folder of the model folders."""
    return Path(conf.get(SECTION, "models_folder", fallback=str(PROJECT / "include" / "models")))


def sdk_python() -> Path:
    """The Python of the SDK interpreter, which compiles state machines."""
    return Path(conf.get(SECTION, "sdk_python", fallback=str(PROJECT / ".venv-sdk" / "bin" / "python")))


def compile_timeout_seconds() -> int:
    """How long compiling a state machine may take at a task's first try; it costs about 10 s of CPU."""
    found = conf.get(SECTION, "compile_timeout_seconds", fallback=str(COMPILE_TIMEOUT_SECONDS))
    if not (found.isascii() and found.isdigit() and int(found) > 0):
        raise RetrainingError(
            f"[retraining] compile_timeout_seconds: must be whole seconds, 1 or more, but is {found!r}"
        )
    return int(found)


def compile_cache() -> Path:
    """Folder of compiled state machines; whoever may write there decides what is deployed."""
    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    return Path(conf.get(SECTION, "compile_cache", fallback=str(home / "retraining" / "definitions")))
