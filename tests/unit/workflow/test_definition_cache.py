"""A definition is compiled once for each input, and never taken from an entry that is not whole."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
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


def test_a_model_is_compiled_once_for_all_accounts(
    tmp_path: Path, cache: DefinitionCache, model_yaml: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[Path] = []

    def compile_it(self: WorkflowCompiler, model: Path) -> str:
        compiled.append(model)
        definition = {"Comment": f"${{Stack}} {len(compiled)}", "Sql": "${TransformUri}"}
        return json.dumps({"definition": definition, "images": {"eu-west-1": "e", "us-east-1": "u"}})

    monkeypatch.setattr(WorkflowCompiler, "_compile", compile_it)
    compiler = WorkflowCompiler(tmp_path / "python", PROJECT, cache=cache)
    model = write_model(tmp_path, model_yaml)

    def compile_for(folder: Path, stack: str, sql: str = "s3://b/t.sql") -> Any:
        return json.loads(compiler.compile(folder, replace(SURROUNDINGS, stack=stack), sql))

    assert compile_for(FLIGHT_DELAY, "a") == {"Comment": "a 1", "Sql": "s3://b/t.sql"}
    assert compile_for(FLIGHT_DELAY, "b", "s3://b/other.sql") == {"Comment": "b 1", "Sql": "s3://b/other.sql"}
    assert compile_for(model, "a")["Comment"] == "a 2"
    (model / "transform.sql").write_text("SELECT 2")
    assert compile_for(model, "a")["Comment"] == "a 3"


def test_a_region_without_an_image_is_named(
    tmp_path: Path, cache: DefinitionCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = json.dumps({"definition": {}, "images": {"us-east-1": "u"}})
    monkeypatch.setattr(WorkflowCompiler, "_compile", lambda *_: compiled)
    compiler = WorkflowCompiler(tmp_path / "python", PROJECT, cache=cache)
    with pytest.raises(CompileError, match=r"no image .* in 'eu-west-1', but in us-east-1"):
        compiler.compile(FLIGHT_DELAY, SURROUNDINGS, "s3://b/t.sql")
