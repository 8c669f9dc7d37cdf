"""What a sandbox is made for: one version of one function, with code and configuration of a moment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend

from include.local_aws.lambda_.code import unpack
from include.local_aws.runtime import Runtime


@dataclass(frozen=True)
class Settings:
    """
    Two invocations may share a sandbox if these are equal for both.

    :param arn: the function's, without a qualifier.
    :param version: ``$LATEST`` or a number.
    :param revision: other for each change, and for each function that had the name.
    :param runtime: the identifier, such as ``python3.13``.
    :param timeout: in seconds.
    :param memory_mb: what it may use.
    :param environment: its variables.
    :param code: folder of its code.
    :param layers: folders of its layers' Python packages, in their order.
    :param log_format: ``Text`` or ``JSON``.
    :param application_log_level: the least severe level of its own lines, with JSON.
    :param system_log_level: the least severe level of Lambda's lines, with JSON.
    """

    name: str
    arn: str
    version: str
    revision: str
    region: str
    runtime: str
    handler: str
    role: str
    timeout: float
    memory_mb: int
    environment: tuple[tuple[str, str], ...]
    code: Path
    layers: tuple[Path, ...]
    log_group: str
    log_format: str
    application_log_level: str
    system_log_level: str

    def variables(self, runtime: Runtime, packages: Path, log_stream: str) -> dict[str, str]:
        """
        Environment of a sandbox: its own variables, and those that Lambda sets.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html

        :param packages: folder of what the runtime has.
        :param log_stream: name of the sandbox's log stream.
        """
        level = {"AWS_LAMBDA_LOG_LEVEL": self.application_log_level} if self.log_format == "JSON" else {}
        return {
            **runtime.child_environment(self.role),
            **dict(self.environment),
            **level,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.runtime}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": self.version,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": self.log_format,
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
            "AWS_REGION": self.region,
            "AWS_SESSION_TOKEN": "local",
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "LAMBDA_RUNTIME_DIR": str(packages),
            "LAMBDA_TASK_ROOT": str(self.code),
            "LANG": "en_US.UTF-8",
            "LAYER_PATHS": os.pathsep.join(map(str, self.layers)),
            "PYTHONPATH": str(packages),
            "TZ": ":UTC",
            "_HANDLER": self.handler,
        }


def settings_of(runtime: Runtime, function: LambdaFunction) -> Settings:
    """
    Take a function's settings as they are now; its code is unpacked for that.

    :raises ValueError: when its code is no zip.
    """
    logging: dict[str, Any] = function.logging_config
    digest = str(function.code_digest)
    code = runtime.state_dir / "lambda" / function.function_name / digest
    unpack(function.code_bytes, code)
    return Settings(
        name=function.function_name,
        arn=_unqualified(function.function_arn),
        version=str(function.version),
        revision=function.revision_id,
        region=function.region,
        runtime=function.run_time,
        handler=function.handler,
        role=function.role,
        timeout=float(function.timeout),
        memory_mb=int(function.memory_size),
        environment=tuple(
            (name, str(value)) for name, value in sorted((function.environment_vars or {}).items())
        ),
        code=code,
        layers=tuple(path for layer in function.layers for path in _layer_paths(runtime, function, layer)),
        log_group=logging["LogGroup"],
        log_format=logging["LogFormat"],
        application_log_level=logging.get("ApplicationLogLevel", ""),
        system_log_level=logging.get("SystemLogLevel", ""),
    )


def _unqualified(arn: str) -> str:
    return ":".join(arn.split(":")[:7])


def _layer_paths(runtime: Runtime, function: LambdaFunction, layer: dict[str, Any]) -> list[Path]:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html: where Python looks in a layer."""
    version = get_backend(function.account_id, function.region).layers_versions_by_arn(layer["Arn"])
    folder = runtime.state_dir / "lambda" / "layers" / str(version.code_digest)
    unpack(version.code_bytes, folder)
    return [folder / "python" / "lib" / str(function.run_time) / "site-packages", folder / "python"]
