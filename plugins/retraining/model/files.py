"""Reads the files of a model folder, whatever people and their editors left there."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import yaml

from retraining.errors import ModelSpecError

# A file of a megabyte is no model's, and the scheduler's machine reads each of them every few seconds.
MAX_BYTES = 2**20
# What YAML's aliases stand for counts as often as they stand: nine lines can mean a billion values.
MAX_CHARACTERS = 2**16
# libyaml recurses, and ends the process where its stack ends.
MAX_DEPTH = 50

# The C loader reads the same ten times faster, where PyYAML was built with it.
_YamlLoader: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_text(file: Path) -> str:
    """Read a whole file.

    :raises ModelSpecError: names the file and what keeps it from being read.
    """
    try:
        # To open a pipe would wait for whoever writes to it.
        if not stat.S_ISREG(file.stat().st_mode):
            kind = "folder" if file.is_dir() else "pipe or device"
            raise ModelSpecError(f"{file}: must be a file, but is a {kind}")
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except FileNotFoundError:
        if file.is_symlink():
            raise ModelSpecError(f"{file}: links to {file.readlink()}, which is missing") from None
        raise ModelSpecError(f"{file}: missing; a model folder has model.yaml and transform.sql") from None
    except OSError as error:
        raise unreadable(file, error) from None
    if len(content) > MAX_BYTES:
        raise ModelSpecError(f"{file}: must have {MAX_BYTES} bytes or fewer")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = f"{content[error.start]:#04x}"
        raise ModelSpecError(f"{file}: must be UTF-8, but line {line} has the byte {byte}") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ModelSpecError(f"{file}: must be text, but line {line} has a NUL")
    return text


def read_yaml(file: Path) -> Any:
    """Read a YAML file of bounded size, aliases written out.

    :raises ModelSpecError: names the file and what is wrong with it.
    """
    text = read_text(file)
    try:
        problem = _excess(text)
        content: Any = None if problem else yaml.load(text, Loader=_YamlLoader)  # noqa: S506 - both are safe
    except Exception as error:  # noqa: BLE001 - `!!int x` gives a ValueError, `!!bool x` a KeyError, and so on
        problem = f"not valid YAML: {' '.join(str(error).split())}"
    if problem:
        raise ModelSpecError(f"{file}: {problem}")
    return content


def unreadable(path: Path, error: OSError) -> ModelSpecError:
    """Say in one sentence why the system does not let it be read."""
    return ModelSpecError(f"{path}: cannot be read: {error.strerror or error}")


def _excess(text: str) -> str:
    """Say what would cost more than a model can be worth, before anything is made of it."""
    total = 0
    begun: list[tuple[str | None, int]] = []
    sizes: dict[str | None, int] = {}
    for event in yaml.parse(text, Loader=_YamlLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            begun.append((event.anchor, total))
            total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = begun.pop()
            sizes[anchor] = total - before
        elif isinstance(event, yaml.ScalarEvent):
            sizes[event.anchor] = len(event.value) + 1
            total += len(event.value) + 1
        elif isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in begun):
                return f"*{event.anchor} stands within what it stands for"
            total += sizes.get(event.anchor, 0) + 1
        if len(begun) > MAX_DEPTH:
            return f"must be nested {MAX_DEPTH} deep or less"
        if total > MAX_CHARACTERS:
            return f"must have {MAX_CHARACTERS} characters or fewer, with what its aliases stand for"
    return ""
