"""Compiles a model folder into Amazon States Language, in the SDK interpreter.

It costs seconds (importing the SDK), so each model is compiled once, for any account: a digest of all that
decides the result is the name under which it is kept, or came along.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from retraining.errors import CompileError, CompileInterruptedError
from retraining.workflow.definition_cache import DefinitionCache
from retraining.workflow.substitution import fill_in
from retraining.workflow.surroundings import Surroundings

COMPILE_TIMEOUT_SECONDS = 120
# Folders of the library that the SDK interpreter imports from.
ROOMS = (".", "model", "execution", "workflow", "deployment")


@dataclass(frozen=True)
class WorkflowCompiler:
    """The SDK interpreter as a command: a model folder in, a state machine definition out.

    :param python: the SDK interpreter.
    :param project: folder that holds ``include/workflow`` and ``plugins``.
    :param timeout_seconds: a compile that takes longer is ended.
    :param cache: where compiled models are kept; without it every call compiles.
    """

    python: Path
    project: Path
    timeout_seconds: int = COMPILE_TIMEOUT_SECONDS
    cache: DefinitionCache | None = None

    @property
    def pins(self) -> Path:
        """The requirements file with the versions of the SDK."""
        return self.project / "requirements-sdk.txt"

    @property
    def carried_along(self) -> Path:
        """Folder of models that were compiled before the project came here (``scripts/bundle.py``)."""
        return self.project / "include" / "workflow" / "compiled"

    def needs_sdk(self, model: Path) -> bool:
        """Whether the SDK interpreter is needed for a model as it is now."""
        return not (self.pins.is_file() and self._carried(self._digest(model)).is_file())

    def fingerprint(self, model: Path, aws: Surroundings) -> str:
        """Digest of the spec, the workflow's source, the SDK's versions and the account's settings.

        :return: 64 hexadecimal digits.
        """
        account = json.dumps(asdict(replace(aws, transform_uri="")), sort_keys=True)
        return hashlib.sha256(f"{self._digest(model)} {account}".encode()).hexdigest()

    def sources(self, model: Path) -> list[Path]:
        """The files that decide the definition."""
        workflow = sorted((self.project / "include" / "workflow").glob("*.py"))
        # All of the rooms of which the workflow imports some: compiling once too often costs seconds only.
        library = self.project / "plugins" / "retraining"
        domain = [file for room in ROOMS for file in sorted((library / room).glob("*.py"))]
        return [model / "model.yaml", model / "transform.sql", *workflow, *domain]

    def compile(self, model: Path, aws: Surroundings, transform_uri: str) -> str:
        """Compile a model folder, unless that was done before, and fill in what the account decides.

        :param transform_uri: ``s3://`` URI of the model's ``transform.sql``.
        :return: the definition, as JSON.
        :raises CompileInterruptedError: when it takes too long, or is killed.
        :raises CompileError: when the interpreter is missing or fails, or there is no image in the region.
        """
        compiled = json.loads(self.compiled(model))
        image = compiled["images"].get(aws.region)
        if image is None:
            raise CompileError(
                f"region: SageMaker has no image of this algorithm in {aws.region!r}, but in"
                f" {', '.join(compiled['images'])}"
            )
        values = replace(aws, transform_uri=transform_uri).values(image)
        return json.dumps(fill_in(compiled["definition"], values))

    def compiled(self, model: Path) -> str:
        """Give the model compiled for any account, as ``include/workflow`` prints it."""
        digest = self._digest(model)
        carried = self._carried(digest)
        if carried.is_file():
            return carried.read_text()
        if self.cache is None:
            return self._compile(model)
        return self.cache.get(digest, lambda: self._compile(model))

    def carried_name(self, model: Path) -> str:
        """What the file of a model's compilation is called in :attr:`carried_along`."""
        return self._carried(self._digest(model)).name

    def _carried(self, digest: str) -> Path:
        return self.carried_along / f"{digest}.json"

    def _digest(self, model: Path) -> str:
        digest = hashlib.sha256(self._versions().encode())
        for file in self.sources(model):
            digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
        return digest.hexdigest()

    def _versions(self) -> str:
        """The SDK's versions, without the comments that say where a pin comes from."""
        return re.sub(r"(?m)^\s*#.*\n?", "", self.pins.read_text()).strip()

    def _compile(self, model: Path) -> str:
        # Nothing of the worker's environment: neither its credentials nor its Python paths.
        environment = {"PYTHONPATH": f"{self.project}:{self.project / 'plugins'}", "HOME": str(self.project)}
        try:
            done = subprocess.run(
                [str(self.python), "-W", "ignore", "-m", "include.workflow"],
                input=json.dumps({"model": str(model.resolve())}),
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
