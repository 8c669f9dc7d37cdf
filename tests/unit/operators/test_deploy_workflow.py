"""What a busy worker keeps from compiling in time is tried again, with more time."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from retraining.errors import RetrainingError
from retraining.hooks.stack import Stack, StackHook
from retraining.hooks.workflow import WorkflowHook
from retraining.operators.deploy_workflow import DeployWorkflowOperator
from tests.unit.conftest import FLIGHT_DELAY

SECTION = "AIRFLOW__RETRAINING__"
STACK = Stack("a-stack", "aws", "eu-west-1", "123456789012", "", "", "", "", "", "", "", "")


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[float]:
    """The limits of the compiles, none of which comes to an end."""
    found: list[float] = []

    def run(command: list[str], **options: Any) -> Any:
        found.append(options["timeout"])
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(StackHook, "read", lambda *_: STACK)
    monkeypatch.setattr(WorkflowHook, "deployed", lambda *_: None)
    monkeypatch.setenv(f"{SECTION}COMPILE_CACHE", str(tmp_path))
    return found


def deploy(try_number: int = 1) -> None:
    operator = DeployWorkflowOperator(task_id="deploy", model_folder=FLIGHT_DELAY)
    operator.execute({"ti": SimpleNamespace(try_number=try_number)})  # type: ignore[typeddict-item]


def test_each_try_of_a_compile_that_takes_too_long_has_more_time(limits: list[float]) -> None:
    for try_number in (1, 2, 3, 4, 5, 40):
        with pytest.raises(RetrainingError, match=r"took longer than \d+ s; \[retraining\] compile_timeout_"):
            deploy(try_number)
    assert limits == [120, 240, 480, 960, 960, 960]


def test_the_limit_is_a_setting(limits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{SECTION}COMPILE_TIMEOUT_SECONDS", "600")
    with pytest.raises(RetrainingError, match="longer than 600 s"):
        deploy()
    assert limits == [600]


@pytest.mark.parametrize("value", ["0", "-5", "2 minutes", "1.5", ""])
def test_a_limit_that_is_none_is_refused(
    limits: list[float], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(f"{SECTION}COMPILE_TIMEOUT_SECONDS", value)
    with pytest.raises(AirflowFailException, match=f"compile_timeout_seconds: .*1 or more, but is '{value}'"):
        deploy()
    assert not limits


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize(("returncode", "error"), [(-9, RetrainingError), (1, AirflowFailException)])
def test_what_the_kernel_killed_is_tried_again_and_what_is_wrong_is_not(
    monkeypatch: pytest.MonkeyPatch, returncode: int, error: type[Exception]
) -> None:
    ended = SimpleNamespace(returncode=returncode, stdout="", stderr="wrong")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    with pytest.raises(error):
        deploy()
