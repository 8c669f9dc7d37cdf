"""The code that AWS runs: the ETL script and the functions, as objects whose keys say their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from include.archives import archive

INCLUDE = Path(__file__).resolve().parent
# The functions' folders, by the template's parameters.
FUNCTIONS = {
    "MetricsFunctionKey": "training_metrics",
    "EndpointTestFunctionKey": "endpoint_test",
    "DeploymentFunctionKey": "deployment",
}


@dataclass(frozen=True)
class CodeObject:
    """An object of the code bucket; its key holds a hash of the content, so that new code is an update."""

    key: str
    content: bytes


def code_objects() -> dict[str, CodeObject]:
    """Return the code by the template's parameters that take its keys."""
    script = (INCLUDE / "glue" / "transform.py").read_bytes()
    objects = {"GlueScriptKey": CodeObject(f"glue/transform-{_digest(script)}.py", script)}
    for parameter, name in FUNCTIONS.items():
        function = _function(INCLUDE / "lambdas" / name)
        objects[parameter] = CodeObject(f"lambda/{name}-{_digest(function)}.zip", function)
    return objects


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _function(folder: Path) -> bytes:
    files = sorted(folder.rglob("*.py"))
    return archive({path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in files})
