"""Whatever is wrong with a model folder is that folder's own error: the other models keep their DAGs."""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from retraining.errors import ModelSpecError
from retraining.model.folders import load_models, load_spec
from scripts.readiness import expected_dags
from tests.unit.conftest import FLIGHT_DELAY, write_model

BILLION = "\n".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}' if level else 'x'] * 9)}]" for level in range(12)
)
MERGED = "a0: &a0 {x: y}\n" + "\n".join(
    f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}]}}" for level in range(1, 12)
)


def model(text: str | bytes) -> Callable[[Path], object]:
    """Write this as model.yaml."""
    content = text.encode() if isinstance(text, str) else text
    return lambda folder: (folder / "model.yaml").write_bytes(content)


def added(text: str) -> Callable[[Path], object]:
    """Write this at the end of a sound model.yaml."""

    def add(folder: Path) -> None:
        with (folder / "model.yaml").open("a") as file:
            file.write(text)

    return add


def instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Put something else where a file belongs."""

    def put(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return put


def link(folder: Path, target: Path | str) -> None:
    """Put a link where the folder was."""
    shutil.rmtree(folder)
    folder.symlink_to(target)


def bind(path: Path) -> None:
    """Leave a socket."""
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(path.name)
    finally:
        os.chdir(here)


WAYS = {
    "Latin-1": (model("name: x\ndescription: Verspätung".encode("latin-1")), "line 2 has the byte 0xe4"),
    "UTF-16": (model("name: x".encode("utf-16")), "must be UTF-8, but line 1"),
    "a picture": (model(b"\x89PNG\r\n\x1a\n\0\0"), "must be UTF-8"),
    "a NUL": (model("a: b\nc: \0"), "line 2 has a NUL"),
    "a control character": (model("a: \x07"), "not valid YAML"),
    "nothing in it": (model(""), "must be a mapping of fields, but is NoneType"),
    "broken off": (model("a: ["), "not valid YAML"),
    "two documents": (model("a: 1\n---\na: 2"), "not valid YAML"),
    "a tab": (model("a:\n\t- x"), "not valid YAML"),
    "a Python object": (model("a: !!python/object/apply:os.system [id]"), "not valid YAML"),
    "a day that is none": (added("\nnotify: 2026-13-45"), "month must be in 1..12"),
    "!!int": (added("\nx: !!int foo"), "not valid YAML"),
    "!!bool": (added("\nx: !!bool foo"), "not valid YAML"),
    "!!timestamp": (added("\nx: !!timestamp foo"), "not valid YAML"),
    "!!float": (added("\nx: !!float ''"), "not valid YAML"),
    "an endless number": (added(f"\nx: {'1' * 5000}"), "not valid YAML"),
    "a list as a key": (added("\n? [a]\n: b"), "unhashable key"),
    "a number as a key": (added("\n7: b"), "7: "),
    "a NUL in a key": (added('\n"a\\0b": c'), "unknown field"),
    "an alias of nothing": (added("\nx: *y"), "undefined alias"),
    "an alias within itself": (model("&a [*a]"), r"\*a stands within what it stands for"),
    "a mapping within itself": (added("\nx: &a {b: [{c: *a}]}"), r"\*a stands within"),
    "a merge within itself": (added("\nx: &a\n  <<: *a"), r"\*a stands within"),
    "a billion laughs": (model(BILLION), "65536 characters or fewer, with what its aliases"),
    "a billion merges": (model(MERGED), "65536 characters or fewer, with what its aliases"),
    "a long text often": (
        model(f"a: &a {'x' * 20000}\nb: [{', '.join(['*a'] * 9)}]"),
        "65536 characters or fewer",
    ),
    "a deep nest": (model("[" * 40000), "nested 50 deep or less"),
    "a deep nest of mappings": (model("{a: " * 40000), "nested 50 deep or less"),
    "a huge file": (model(b"#" * (2**20 + 1)), "1048576 bytes or fewer"),
    "a folder for a file": (instead("model.yaml", Path.mkdir), "must be a file, but is a folder"),
    "a pipe": (instead("model.yaml", os.mkfifo), "must be a file, but is a pipe"),
    "a socket": (instead("model.yaml", bind), "must be a file, but is a pipe or device"),
    "a device": (
        instead("model.yaml", lambda file: file.symlink_to("/dev/zero")),
        "must be a file, but is a pipe or device",
    ),
    "a link to nowhere": (
        instead("model.yaml", lambda file: file.symlink_to("/nowhere")),
        "links to /nowhere, which is missing",
    ),
    "a link to itself": (
        instead("model.yaml", lambda file: file.symlink_to(file)),
        "cannot be read: Too many levels",
    ),
    "no transform": (lambda folder: (folder / "transform.sql").unlink(), "transform.sql: missing"),
    "a transform in Latin-1": (
        lambda folder: (folder / "transform.sql").write_bytes(b"SELECT '\xe4'"),
        r"transform\.sql: must be UTF-8",
    ),
    "a folder for the transform": (instead("transform.sql", Path.mkdir), r"transform\.sql: must be a file"),
    "the folder a link to nowhere": (lambda folder: link(folder, "/nowhere"), "cannot be read: No such file"),
    "the folder a link to itself": (lambda folder: link(folder, folder), "cannot be read: Too many levels"),
}


@pytest.fixture
def sound(tmp_path: Path, model_yaml: dict[str, Any]) -> Path:
    return write_model(tmp_path, model_yaml)


def beside(sound: Path) -> ModelSpecError:
    """The one broken folder's error; the sound one is there."""
    models, errors = load_models(sound.parent)
    assert list(models) == [sound]
    (error,) = errors
    str(error).encode()  # what Airflow's database can keep
    assert "\0" not in str(error)
    assert len(str(error)) <= 10_000
    return error


@pytest.mark.parametrize(("spoil", "reason"), WAYS.values(), ids=WAYS)
def test_a_folder_that_cannot_be_read_is_named_and_hides_no_other(
    sound: Path, model_yaml: dict[str, Any], spoil: Callable[[Path], object], reason: str
) -> None:
    broken = write_model(sound.parent, model_yaml | {"name": "broken", "endpoint": "other"}, folder="broken")
    spoil(broken)
    said = str(beside(sound))
    assert said.startswith(str(broken))
    assert re.search(reason, said)


def test_a_name_that_is_no_text_is_said_in_text(sound: Path, model_yaml: dict[str, Any]) -> None:
    write_model(sound.parent, model_yaml, folder=os.fsdecode(b"\xff"))
    assert "must be the folder's name" in str(beside(sound))


def test_many_problems_are_said_in_what_a_page_can_show(sound: Path, model_yaml: dict[str, Any]) -> None:
    write_model(sound.parent, model_yaml | {"notify": list(range(9000))}, folder="broken")
    assert "notify.0: " in str(beside(sound))


def test_what_nobody_thought_of_is_the_folders_own_too(
    sound: Path, model_yaml: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(sound.parent, model_yaml, folder="broken")
    read = Path.open

    def fail(path: Path, *args: Any, **more: Any) -> Any:
        if path.parent.name == "broken":
            raise MemoryError
        return read(path, *args, **more)

    monkeypatch.setattr(Path, "open", fail)
    assert "broken: cannot be read: MemoryError" in str(beside(sound))


@pytest.fixture
def not_root() -> Iterator[Path]:
    """A folder for somebody to whom permissions apply."""
    folder = Path(tempfile.mkdtemp())
    user = os.geteuid()
    if user == 0:
        folder.chmod(0o755)
        os.chown(folder, 65534, -1)
        os.seteuid(65534)
    yield folder
    os.seteuid(user)
    for path in folder.rglob("*"):
        path.chmod(0o700)
    folder.chmod(0o700)
    shutil.rmtree(folder)


@pytest.mark.parametrize("locked", ["model.yaml", "transform.sql", "."])
def test_a_folder_without_permission_is_named(
    not_root: Path, model_yaml: dict[str, Any], locked: str
) -> None:
    sound = write_model(not_root, model_yaml)
    broken = write_model(not_root, model_yaml | {"name": "broken", "endpoint": "other"}, folder="broken")
    (broken / locked).chmod(0)
    said = str(beside(sound))
    assert said.startswith(str(broken))
    assert "cannot be read: Permission denied" in said


@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_models_folder_without_permission_is_no_folder_without_models(
    not_root: Path, model_yaml: dict[str, Any], mode: int
) -> None:
    models = not_root / "models"
    write_model(models, model_yaml)
    models.chmod(mode)
    try:
        found, errors = load_models(models)
    except ModelSpecError as error:
        found, errors = {}, [error]
    assert not found
    assert "cannot be read: Permission denied" in str(errors[0])


def test_what_is_no_model_folder_is_passed_over(sound: Path) -> None:
    (sound.parent / ".git").mkdir()
    (sound.parent / "__pycache__").mkdir()
    (sound.parent / ".#model").symlink_to("somebody@somewhere")
    (sound.parent / "README.md").touch()
    assert load_models(sound.parent)[1] == []


def test_anchors_that_stay_small_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "flight_delay"
    shutil.copytree(FLIGHT_DELAY, folder)
    text = re.sub(r"(?ms)^(training|serving):\n(  .*\n?)*", "", (folder / "model.yaml").read_text())
    (folder / "model.yaml").write_text(
        f"{text}\ntraining: &where {{instance_type: ml.c5.large}}\nserving:\n  <<: *where\n"
    )
    assert load_spec(folder).serving.instance_type == "ml.c5.large"


def test_a_mark_of_byte_order_is_none_of_the_text(sound: Path) -> None:
    file = sound / "model.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert load_spec(sound).name == sound.name


def test_models_that_share_an_endpoint_are_each_refused_by_name(
    sound: Path, model_yaml: dict[str, Any]
) -> None:
    for name, endpoint in (("delays", "Delays"), ("lates", "dELAYS"), ("others", "delays-2")):
        write_model(sound.parent, model_yaml | {"name": name, "endpoint": endpoint}, folder=name)
    models, errors = load_models(sound.parent)
    assert sorted(model.name for model in models) == ["flight_delay", "others"]
    said = [str(error) for error in errors]
    assert len(said) == 2
    assert re.search(r"delays/model\.yaml: endpoint: .* is 'Delays', also that of lates$", said[0])
    assert re.search(r"lates/model\.yaml: endpoint: .* is 'dELAYS', also that of delays$", said[1])


def test_up_awaits_the_dags_of_sound_folders_only(sound: Path, model_yaml: dict[str, Any]) -> None:
    write_model(sound.parent, model_yaml, folder="broken")
    models, _ = load_models(sound.parent)
    assert expected_dags(models.values()) == {
        "flight_delay_retraining",
        "flight_delay_rollback",
        "flight_delay_hold",
        "flight_delay_release",
        "retraining_housekeeping",
    }
