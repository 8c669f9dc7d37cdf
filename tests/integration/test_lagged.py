"""What starts, waits, redrives and tidies holds where AWS's reads are seconds behind."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.integration.embedded_aws import PROJECT

SECONDS = 2
MODULES = (
    "execution/test_starting",
    "triggers/test_waiting_on_aws",
    "triggers/test_waiting_through_faults",
    "housekeeping/test_housekeeping",
    "deployment/test_rolling_back",
    "workflow/test_deploying",
    "execution/test_gate_retrains",
    "execution/test_training_again",
)


@pytest.mark.heavy
@pytest.mark.parametrize("module", MODULES)
def test_holds_where_reads_are_behind(module: str) -> None:
    tests = f"tests/integration/{module}.py"
    command = [sys.executable, "-m", "pytest", "-q", f"--lag={SECONDS}", "-m", "not heavy", tests]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=1800, check=False)
    assert run.returncode == 0, run.stdout[-10_000:]
