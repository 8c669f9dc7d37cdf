"""Keeps compiled definitions in a folder, so that each distinct input is compiled once on a machine."""

from __future__ import annotations

import fcntl
import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DefinitionCache:
    """A file for each definition; one that is cut short or changed is made again.

    :param folder: made when it is missing. Who may write to it decides what is deployed.
    """

    folder: Path

    def get(self, key: str, make: Callable[[], str]) -> str:
        """Read a definition, or make it and keep it; whoever asks for the same meanwhile waits for it.

        A folder that cannot be written, such as a read-only file system's, costs the seconds that it would
        have saved, and no more.

        :param key: digest of all that decides the definition.
        :param make: compiles it; its errors are passed on and not kept.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            entry = (self.folder / key).open("a+b")
        except OSError as error:
            log.info("Definitions are not kept: %s", error)
            return make()
        with entry:
            # Released when the process ends, however it ends. Some network file systems have no locks.
            with suppress(OSError):
                fcntl.flock(entry, fcntl.LOCK_EX)
            entry.seek(0)
            digest, _, kept = entry.read().partition(b"\n")
            if digest == _digest(kept):
                log.info("Compiled before: %s", entry.name)
                return kept.decode()
            made = make()
            with suppress(OSError):  # a full disk: what was written of it is not taken for a definition
                entry.truncate(0)
                entry.write(_digest(made.encode()) + b"\n" + made.encode())
                entry.flush()
            return made


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
