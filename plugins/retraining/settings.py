"""Where things are: the ``[retraining]`` section of Airflow's configuration."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk.configuration import conf

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
