"""A definition is compiled once for each input, and never taken from an entry that is not whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from retraining.errors import CompileError
from retraining.workflow.compiler import WorkflowCompiler
from retraining.workflow.definition_cache import DefinitionCache
from tests.unit.conftest import FLIGHT_DELAY, PROJECT, SURROUNDINGS, write_model

DEFINITION = '{"StartAt": "Träin"}'


@pytest.fixture
def cache(tmp_path: Path) -> DefinitionCache:
    return DefinitionCache(tmp_path / "cache" / "definitions")


def nothing() -> str:
    pytest.fail("made again")


def test_what_was_made_is_not_made_again(cache: DefinitionCache) -> None:
    assert cache.get("a", lambda: DEFINITION) == DEFINITION
    assert DefinitionCache(cache.folder).get("a", nothing) == DEFINITION
    assert cache.get("b", lambda: "{}") == "{}"


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda entry: entry[:-1], id="cut short"),
        pytest.param(lambda entry: entry.replace(b"StartAt", b"StartBt"), id="changed"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda entry: b"\xff\x00" + entry, id="not text"),
        pytest.param(lambda entry: entry + b"}", id="more than whole"),
    ],
)
def test_a_broken_entry_is_made_again(cache: DefinitionCache, broken: Any) -> None:
    cache.get("a", lambda: DEFINITION)
    entry = cache.folder / "a"
    entry.write_bytes(broken(entry.read_bytes()))
    assert cache.get("a", lambda: "{}") == "{}"
    assert cache.get("a", nothing) == "{}"


def test_an_error_is_not_kept(cache: DefinitionCache) -> None:
    def fail() -> str:
        raise CompileError("no")

    with pytest.raises(CompileError):
        cache.get("a", fail)
    assert cache.get("a", lambda: DEFINITION) == DEFINITION


def test_those_who_ask_at_once_get_it_from_one_compile(cache: DefinitionCache) -> None:
    made, together = [], Barrier(4)

    def make() -> str:
        made.append(1)
        return DEFINITION

    def ask(_: int) -> str:
        together.wait(10)
        return cache.get("a", make)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [DEFINITION] * 4
    assert len(made) == 1


def test_a_folder_that_cannot_be_made_costs_the_seconds_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = DefinitionCache(tmp_path / "file" / "definitions")
    assert cache.get("a", lambda: DEFINITION) == DEFINITION


def test_only_the_owner_may_write_what_is_deployed(cache: DefinitionCache) -> None:
    cache.get("a", lambda: DEFINITION)
    assert cache.folder.stat().st_mode & 0o077 == 0


def test_another_model_folder_or_account_is_another_definition(
    tmp_path: Path, cache: DefinitionCache, model_yaml: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[tuple[Any, ...]] = []

    def compile_it(self: WorkflowCompiler, *given: Any) -> str:
        compiled.append(given)
        return f'"{len(compiled)}"'

    monkeypatch.setattr(WorkflowCompiler, "_compile", compile_it)
    compiler = WorkflowCompiler(tmp_path / "python", PROJECT, cache=cache)
    model = write_model(tmp_path, model_yaml)
    assert compiler.compile(FLIGHT_DELAY, SURROUNDINGS, "s3://b/t.sql") == '"1"'
    assert compiler.compile(FLIGHT_DELAY, SURROUNDINGS, "s3://b/t.sql") == '"1"'
    assert compiler.compile(FLIGHT_DELAY, SURROUNDINGS, "s3://b/other.sql") == '"2"'
    assert compiler.compile(model, SURROUNDINGS, "s3://b/t.sql") == '"3"'
    (model / "transform.sql").write_text("SELECT 2")
    assert compiler.compile(model, SURROUNDINGS, "s3://b/t.sql") == '"4"'
