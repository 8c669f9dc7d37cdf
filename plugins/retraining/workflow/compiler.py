"""Compiles a model folder into Amazon States Language, in the SDK interpreter.

It costs seconds (importing the SDK), so a fingerprint of everything that decides the result tells
whether there is anything to compile.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from retraining.errors import CompileError, CompileInterruptedError
from retraining.workflow.definition_cache import DefinitionCache

COMPILE_TIMEOUT_SECONDS = 120
# Folders of the library that the SDK interpreter imports from.
ROOMS = (".", "model", "execution", "deployment")


@dataclass(frozen=True)
class Surroundings:
    """What a definition needs to know of the AWS account it runs in.

    :param stack: name of the CloudFormation stack.
    :param region: such as ``us-east-1``.
    :param bucket: the stack's bucket.
    :param training_role: ARN of the role that trains and serves.
    :param subnets: IDs of the subnets for training jobs and models, empty for none.
    :param security_groups: IDs of the security groups that go with them.
    :param kms_key: ARN of the key for volumes and trained models; empty for SageMaker's own.
    """

    stack: str
    region: str
    bucket: str
    training_role: str
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    kms_key: str = ""


@dataclass(frozen=True)
class WorkflowCompiler:
    """The SDK interpreter as a command: a model folder in, a state machine definition out.

    :param python: the SDK interpreter.
    :param project: folder that holds ``include/workflow`` and ``plugins``.
    :param timeout_seconds: a compile that takes longer is ended.
    :param cache: where definitions are kept; without it every call compiles.
    """

    python: Path
    project: Path
    timeout_seconds: int = COMPILE_TIMEOUT_SECONDS
    cache: DefinitionCache | None = None

    def fingerprint(self, model: Path, aws: Surroundings) -> str:
        """Digest of the spec, the workflow's source, the SDK's versions and the account's settings.

        :return: 64 hexadecimal digits.
        """
        digest = hashlib.sha256(json.dumps(asdict(aws), sort_keys=True).encode())
        for file in self.sources(model):
            digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
        return digest.hexdigest()

    def sources(self, model: Path) -> list[Path]:
        """The files that decide the definition."""
        workflow = sorted((self.project / "include" / "workflow").glob("*.py"))
        # All of the rooms of which the workflow imports some: compiling once too often costs seconds only.
        library = self.project / "plugins" / "retraining"
        domain = [file for room in ROOMS for file in sorted((library / room).glob("*.py"))]
        versions = self.project / "requirements-sdk.txt"
        return [model / "model.yaml", model / "transform.sql", *workflow, *domain, versions]

    def compile(self, model: Path, aws: Surroundings, transform_uri: str) -> str:
        """Compile a model folder, unless that was done before.

        :param transform_uri: ``s3://`` URI of the model's ``transform.sql``.
        :return: the definition, as JSON.
        :raises CompileInterruptedError: when it takes too long, or is killed.
        :raises CompileError: when the interpreter is missing or fails.
        """
        if self.cache is None:
            return self._compile(model, aws, transform_uri)
        decisive = f"{self.fingerprint(model, aws)} {model.name} {transform_uri}"
        key = hashlib.sha256(decisive.encode()).hexdigest()
        return self.cache.get(key, lambda: self._compile(model, aws, transform_uri))

    def _compile(self, model: Path, aws: Surroundings, transform_uri: str) -> str:
        command = [str(self.python), "-W", "ignore", "-m", "include.workflow", str(model.resolve())]
        command += ["--stack", aws.stack, "--region", aws.region, "--bucket", aws.bucket]
        command += ["--training-role", aws.training_role, "--transform-uri", transform_uri]
        for name, value in (
            ("--subnets", ",".join(aws.subnets)),
            ("--security-groups", ",".join(aws.security_groups)),
            ("--kms-key", aws.kms_key),
        ):
            command += [name, value] if value else []
        # Nothing of the worker's environment: neither its credentials nor its Python paths.
        environment = {"PYTHONPATH": f"{self.project}:{self.project / 'plugins'}", "HOME": str(self.project)}
        try:
            done = subprocess.run(
                command,
                cwd=self.project,
                env=environment,
                capture_output=True,
                text=True,
                timeout=self.timeout_seconds,
                check=False,
            )
        except FileNotFoundError:
            raise CompileError(
                f"[retraining] sdk_python: {self.python} does not exist; `make setup` makes .venv-sdk"
            ) from None
        except subprocess.TimeoutExpired:
            raise CompileInterruptedError(
                f"compiling {model} took longer than {self.timeout_seconds} s;"
                " [retraining] compile_timeout_seconds is the limit"
            ) from None
        if done.returncode < 0:
            raise CompileInterruptedError(f"compiling {model} was ended by signal {-done.returncode}")
        if done.returncode:
            raise CompileError(f"compiling {model} failed:\n{done.stderr.strip()[-4000:]}")
        return done.stdout
