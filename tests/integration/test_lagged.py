"""What starts, waits, redrives and tidies holds where AWS's reads are seconds behind."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.integration.embedded_aws import PROJECT

SECONDS = 2
MODULES = (
    "starting",
    "waiting_on_aws",
    "waiting_through_faults",
    "housekeeping",
    "rolling_back",
    "deploying",
    "gate_retrains",
    "training_again",
)


@pytest.mark.heavy
@pytest.mark.parametrize("module", MODULES)
def test_holds_where_reads_are_behind(module: str) -> None:
    tests = f"tests/integration/test_{module}.py"
    command = [sys.executable, "-m", "pytest", "-q", f"--lag={SECONDS}", "-m", "not heavy", tests]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=1800, check=False)
    assert run.returncode == 0, run.stdout[-10_000:]
