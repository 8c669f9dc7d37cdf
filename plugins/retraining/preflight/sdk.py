"""Whether the SDK interpreter is there, with the versions that are pinned."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from retraining.preflight.findings import Finding, State

# Starting a Python with that many packages on a busy worker.
ASK_SECONDS = 60
_ASK = """
import json
from importlib.metadata import distributions
print(json.dumps({it.metadata["Name"]: it.version for it in distributions()}))
"""


def sdk_interpreter(python: Path, pins: Path, *, is_needed: bool = True) -> Finding:
    """Look at the SDK interpreter.

    :param python: its Python.
    :param pins: the requirements file with the versions that it is to have.
    :param is_needed: whether the model was not compiled before the project came here.
    """
    if not is_needed:
        return Finding("SDK interpreter", State.FINE, "not needed: this model came here compiled")
    todo = f"make it: python -m venv {python.parent.parent}, and there pip install -r {pins.name}"
    if not python.is_file():
        return Finding("SDK interpreter", State.PROBLEM, f"{python} does not exist", todo)
    if not pins.is_file():
        return Finding("SDK interpreter", State.PROBLEM, f"{pins} does not exist", "copy it from the project")
    try:
        done = subprocess.run(
            [str(python), "-c", _ASK],
            env={"HOME": str(python.parent)},
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("SDK interpreter", State.PROBLEM, f"{python} does not run: {error}", todo)
    found: dict[str, str] = {
        canonicalize_name(name): version for name, version in json.loads(done.stdout).items()
    }
    wrong = [
        f"{name} {found.get(name, 'missing')} instead of {version}"
        for name, version in _pinned(pins).items()
        if found.get(name) != version
    ]
    if wrong:
        return Finding("SDK interpreter", State.PROBLEM, f"{python} has {', '.join(wrong)}", todo)
    versions = ", ".join(f"{name} {found.get(name)}" for name in ("stepfunctions", "sagemaker"))
    return Finding("SDK interpreter", State.FINE, versions)


def _pinned(pins: Path) -> dict[str, str]:
    lines = [line.strip() for line in pins.read_text().splitlines()]
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {
        canonicalize_name(item.name): next(iter(item.specifier)).version
        for item in requirements
        if item.marker is None or item.marker.evaluate()
    }
