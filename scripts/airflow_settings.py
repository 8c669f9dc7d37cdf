"""Airflow's configuration on one machine: environment variables only, nothing to edit."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
AIRFLOW_BIN = PROJECT / ".venv" / "bin"

# Of the user's environment, what could point the project at another Airflow, at a real AWS account, or at
# other libraries than its own.
_FOREIGN_PREFIXES = ("AIRFLOW", "_AIRFLOW", "AWS_", "PYTHON", "VIRTUAL_ENV")


def base_environment() -> dict[str, str]:
    """Return the user's environment less what would make this project's processes talk to anything else."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN_PREFIXES)}
    loopback = "127.0.0.1,localhost"
    for key in ("NO_PROXY", "no_proxy"):
        env[key] = f"{env[key]},{loopback}" if env.get(key) else loopback
    return env | {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONUNBUFFERED": "1",
    }


def aws_connection(aws_url: str, login: str = "local") -> str:
    """
    Return the Airflow connection that leads to the embedded AWS, as JSON.

    :param login: the access key; the administrator's unless another is given
    """
    return json.dumps(
        {
            "conn_type": "aws",
            "login": login,
            "password": "local",
            "extra": {"endpoint_url": aws_url, "region_name": "us-east-1"},
        }
    )


def airflow_environment(
    home: Path, airflow_url: str, aws_url: str, models_folder: Path, aws_login: str = "local"
) -> dict[str, str]:
    """
    Return the whole environment of an Airflow component.

    :param home: AIRFLOW_HOME: database, logs and secrets
    :param airflow_url: where the API server answers
    :param aws_url: where the embedded AWS answers
    :param models_folder: the folder with one folder a model
    :param aws_login: the access key of the connection to it
    """
    keys = _secrets(home / "secrets.json")
    env = base_environment()
    # Airflow's LocalExecutor and the DAG processor call `airflow` by name.
    env["PATH"] = os.pathsep.join([str(AIRFLOW_BIN), env.get("PATH", os.defpath)])
    env["AIRFLOW_HOME"] = str(home)
    env["AIRFLOW_CONN_AWS_DEFAULT"] = aws_connection(aws_url, aws_login)
    sections: Mapping[str, Mapping[str, str]] = {
        "core": {
            "dags_folder": str(PROJECT / "dags"),
            "plugins_folder": str(PROJECT / "plugins"),
            "load_examples": "False",
            "executor": "LocalExecutor",
            # LocalExecutor forks this many workers at once; waiting costs none of them.
            "parallelism": "3",
            "auth_manager": (
                "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
            ),
            # Nobody but this machine can reach 127.0.0.1.
            "simple_auth_manager_all_admins": "True",
            "fernet_key": keys["fernet_key"],
            "min_serialized_dag_update_interval": "1",
        },
        "database": {"sql_alchemy_conn": f"sqlite:///{home / 'airflow.db'}"},
        "api": {
            "host": "127.0.0.1",
            "port": airflow_url.rpartition(":")[2],
            "base_url": airflow_url,
            "secret_key": keys["secret_key"],
            "instance_name": "Model retraining",
        },
        "api_auth": {"jwt_secret": keys["jwt_secret"], "jwt_issuer": airflow_url},
        "dag_processor": {
            # A changed model folder shows in seconds, although no DAG file changed.
            "min_file_process_interval": "5",
            "refresh_interval": "5",
            "parsing_processes": "1",
        },
        # On one machine, a process that is gone is noticed in seconds instead of minutes.
        "scheduler": {
            "task_instance_heartbeat_sec": "5",
            "task_instance_heartbeat_timeout": "20",
            "task_instance_heartbeat_timeout_detection_interval": "5",
            "scheduler_health_check_threshold": "15",
            "orphaned_tasks_check_interval": "10",
        },
        "triggerer": {"job_heartbeat_sec": "2", "triggerer_health_check_threshold": "10"},
        "logging": {"base_log_folder": str(home / "logs")},
        "retraining": {
            "sdk_python": str(PROJECT / ".venv-sdk" / "bin" / "python"),
            "models_folder": str(models_folder),
            # One for every stack of this machine: a definition is kept under all that decides it.
            "compile_cache": str(PROJECT / "build" / "cache" / "definitions"),
        },
    }
    for section, options in sections.items():
        env |= {f"AIRFLOW__{section}__{option}".upper(): value for option, value in options.items()}
    return env


def _secrets(path: Path) -> dict[str, str]:
    """Return the secrets of a state directory, made the first time: with new ones, sessions would be lost."""
    if path.exists():
        loaded: dict[str, str] = json.loads(path.read_text())
        return loaded
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {
        "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "secret_key": secrets.token_urlsafe(32),
        "jwt_secret": secrets.token_urlsafe(48),
    }
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(made, file)
    return made
