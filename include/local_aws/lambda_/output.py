"""
What a sandbox writes: lines of print, and frames of the runtime client's logging, in one file as they come.

The frames are described in awslambdaric's bootstrap.py: type, length, time, message. They keep a message of
several lines together. The bytes that a frame begins with are none of UTF-8.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

FRAME = b"\xa5\x5a\x00"
HEADER_BYTES = 16
KEPT_BYTES = 1_000_000
_LENGTH = slice(4, 8)


class Output:
    """
    A file without a name, which a process appends to and which is read here.

    :param folder: where it is made.
    """

    def __init__(self, folder: Path) -> None:
        descriptor, path = tempfile.mkstemp(prefix="lambda-output-", dir=folder)
        os.close(descriptor)
        self._file = Path(path).open("ab+", buffering=0)  # noqa: SIM115 - closed by close
        Path(path).unlink()
        self._position = 0
        self._rest = b""

    def fileno(self) -> int:
        return self._file.fileno()

    def messages(self, *, ended: bool = False) -> list[str]:
        """
        What was written since it was asked last, a line or a frame each.

        :param ended: whether a last line that nothing ends is one too.
        """
        size = os.fstat(self._file.fileno()).st_size
        read = os.pread(self._file.fileno(), size - self._position, self._position)
        self._position += len(read)
        found, self._rest = split(self._rest + read)
        if ended and self._rest:
            found, self._rest = [*found, _text(self._rest)], b""
        return found

    def shrink(self) -> None:
        """Give back the disk that much output takes, once it is read and nothing writes."""
        if self._position > KEPT_BYTES:
            os.ftruncate(self._file.fileno(), 0)
            self._position = 0

    def close(self) -> None:
        self._file.close()


def split(written: bytes) -> tuple[list[str], bytes]:
    """Take output apart; what is not whole yet comes back as it is."""
    messages: list[str] = []
    while written:
        if written.startswith(FRAME):
            end = HEADER_BYTES + int.from_bytes(written[_LENGTH], "big")
            if len(written) < max(end, HEADER_BYTES):
                break
            messages.append(_text(written[HEADER_BYTES:end]))
        else:
            frame = written.find(FRAME)
            line = written.find(b"\n", 0, frame if frame >= 0 else None)
            if line < 0 and frame < 0:
                break
            end = line + 1 if line >= 0 else frame
            messages.append(_text(written[:end]))
        written = written[end:]
    return messages, written


def _text(message: bytes) -> str:
    return message.decode(errors="replace").rstrip("\r\n")
