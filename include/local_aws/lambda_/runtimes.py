"""
Which runtimes functions may be made of, on which day.

The days are AWS's (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html), as cfn-lint has them,
the words too: LocalStack (tests/aws/services/lambda_/test_lambda_api.snapshot.json).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from moto.core.utils import get_service_model

# What the embedded AWS can run.
LANGUAGE = "python"
LIFECYCLE = "cfnlint/data/AdditionalSpecs/LmbdRuntimeLifecycle.json"


def refusal(runtime: str, *, current: str = "") -> str | None:
    """
    Why a function may not have a runtime, if it may not.

    :param current: the runtime that the function has; empty if it is only being made.
    """
    deadline = "update-block" if runtime == current else "create-block"
    if runtime not in _known():
        allowed = [name for name in _known() if not _blocked(name, "create-block")]
        return (
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(allowed)}] or be a valid ARN"
        )
    if _blocked(runtime, deadline):
        return (
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda "
            "functions. We recommend you use a supported runtime while creating or updating functions."
        )
    if not runtime.startswith(LANGUAGE):
        return f"The embedded AWS runs Python functions only; it does not support the runtime {runtime}"
    return None


def _blocked(runtime: str, deadline: str) -> bool:
    day = _lifecycle().get(runtime, {}).get(deadline)
    return bool(day and day <= datetime.now(UTC).date().isoformat())


@cache
def _lifecycle() -> dict[str, dict[str, Any]]:
    # By its name in the distribution: importing the linter takes a second.
    file = Path(str(distribution("cfn-lint").locate_file(LIFECYCLE)))
    found: dict[str, dict[str, Any]] = json.loads(file.read_text())
    return found


@cache
def _known() -> tuple[str, ...]:
    return tuple(get_service_model("lambda").shape_for("Runtime").enum)
