"""Fixtures of the unit tests: the project's own files, and what the SDK interpreter makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from retraining import settings
from retraining.model.folders import load_spec
from retraining.model.spec import ModelSpec
from retraining.triggers import poller, pollers
from retraining.triggers import wait as waiting
from retraining.triggers.poller import ExecutionPoller
from retraining.workflow.compiler import WorkflowCompiler
from retraining.workflow.definition_cache import DefinitionCache
from retraining.workflow.surroundings import Surroundings
from tests.unit.triggers.fake_states import FakeStates

# How long a machine takes that does other things beside is no property of what is tested.
hypothesis_settings.register_profile(
    "any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("any_machine")

PROJECT = Path(__file__).parents[2]
FLIGHT_DELAY = PROJECT / "include" / "models" / "flight_delay"
FLIGHT_DELAY_SPEC = load_spec(FLIGHT_DELAY)
SURROUNDINGS = Surroundings(
    "model-retraining", "eu-west-1", "a-bucket", "arn:aws:iam::123456789012:role/training"
)


@pytest.fixture
def model_yaml() -> dict[str, Any]:
    """The content of the first model's model.yaml, to be broken."""
    content: dict[str, Any] = yaml.safe_load((FLIGHT_DELAY / "model.yaml").read_text())
    return content


@pytest.fixture
def spec(model_yaml: dict[str, Any]) -> ModelSpec:
    return ModelSpec.model_validate(model_yaml)


def write_model(models: Path, content: dict[str, Any], folder: str = "flight_delay") -> Path:
    """Write a model folder."""
    model = models / folder
    model.mkdir(parents=True)
    (model / "model.yaml").write_text(yaml.safe_dump(content))
    (model / "transform.sql").write_text("SELECT 'train' AS split, 1 AS label, 2 AS feature")
    return model


@pytest.fixture(scope="session")
def compiler() -> WorkflowCompiler:
    return WorkflowCompiler(settings.sdk_python(), PROJECT, cache=DefinitionCache(settings.compile_cache()))


@pytest.fixture(scope="session")
def definition(compiler: WorkflowCompiler) -> dict[str, Any]:
    """The first model's state machine, as the SDK interpreter compiles it."""
    compiled: dict[str, Any] = json.loads(
        compiler.compile(FLIGHT_DELAY, SURROUNDINGS, "s3://a-bucket/workflow/transform.sql")
    )
    return compiled


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStates]:
    fake = FakeStates(3)

    async def connect(_: ExecutionPoller) -> FakeStates:
        return fake

    monkeypatch.setattr(ExecutionPoller, "_connect", connect)
    monkeypatch.setattr(waiting, "MIN_POLL_SECONDS", 0.001)
    monkeypatch.setattr(poller, "MAX_BACKOFF_SECONDS", 0.001)
    yield fake
    assert not any(len(of_loop) for of_loop in pollers._of_loops.values())
