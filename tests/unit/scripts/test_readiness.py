"""`make up` starts beside a broken model folder and names it; any other file with an import error ends it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts import readiness
from scripts.components import StackError
from scripts.readiness import HEARTS, await_ready
from tests.unit.conftest import write_model

NOW = datetime.now(UTC).isoformat()


class HealthyAirflow:
    """Airflow after it has parsed every file.

    :param errors: its import errors, by file.
    """

    def __init__(self, errors: dict[str, str]) -> None:
        self._errors = errors

    def health(self) -> dict[str, dict[str, str]]:
        return {heart: {"status": "healthy", f"latest_{heart}_heartbeat": NOW} for heart in HEARTS.values()}

    def import_errors(self) -> list[dict[str, str]]:
        return [
            {"filename": file, "stack_trace": said, "timestamp": NOW} for file, said in self._errors.items()
        ]

    def dags(self) -> dict[str, dict[str, str]]:
        purposes = ("retraining", "rollback", "hold", "release")
        names = (*(f"flight_delay_{purpose}" for purpose in purposes), "retraining_housekeeping")
        return {name: {"last_parsed_time": NOW} for name in names}


def said_by_up(monkeypatch: pytest.MonkeyPatch, models: Path, errors: dict[str, str]) -> list[str]:
    """What a person reads until everything is ready."""
    ready = models.parent / "ready.json"
    ready.touch()
    monkeypatch.setattr(readiness, "AirflowClient", lambda _: HealthyAirflow(errors))
    said: list[str] = []
    alive: Any = SimpleNamespace(process=lambda: "alive")
    await_ready(
        {"dag-processor": alive},
        fresh={"dag-processor"},
        started=datetime(2026, 1, 1, tzinfo=UTC),
        airflow_url="http://127.0.0.1:1",
        aws_ready_file=ready,
        models_folder=models,
        logs=models.parent,
        timeout_s=5,
        say=said.append,
    )
    return said


def test_a_broken_folder_is_named_and_the_rest_is_ready(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model_yaml: dict[str, Any]
) -> None:
    models = tmp_path / "models"
    write_model(models, model_yaml)
    broken = write_model(models, {}, folder="broken")
    (broken / "model.yaml").write_bytes(b"description: Versp\xe4tung")
    said = said_by_up(monkeypatch, models, {"model_folders.py": "ModelSpecError: broken/model.yaml"})
    assert said[0] == f"has no DAG: {broken}/model.yaml: must be UTF-8, but line 1 has the byte 0xe4"
    assert any(line.startswith("every model's DAG is ready") for line in said)


def test_another_files_import_error_ends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model_yaml: dict[str, Any]
) -> None:
    models = tmp_path / "models"
    write_model(models, model_yaml)
    with pytest.raises(StackError, match=r"DAGs cannot be imported:\n  mine\.py: SyntaxError"):
        said_by_up(monkeypatch, models, {"mine.py": "SyntaxError", "model_folders.py": "ModelSpecError"})


def test_a_missing_models_folder_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"models_folder: .*nowhere is not a folder"):
        said_by_up(monkeypatch, tmp_path / "nowhere", {})
