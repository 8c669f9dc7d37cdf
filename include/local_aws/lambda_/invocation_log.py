"""The log of one invocation: a file of its own, the sandbox's stream in CloudWatch Logs, and its tail."""

from __future__ import annotations

from pathlib import Path

from include.local_aws.logs import streams

# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html: LogResult is the last 4 KB.
TAIL_BYTES = 4096


class InvocationLog:
    """
    Takes messages.

    :param path: the file.
    :param group: the log group.
    :param stream: the log stream, that of the sandbox.
    """

    def __init__(self, path: Path, group: str, stream: str, region: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a")
        self._group, self._stream, self._region = group, stream, region
        self._tail = b""

    def write(self, messages: list[str], *, tail: bool = True) -> None:
        """
        Add messages.

        :param tail: whether they belong to the answer's LogResult, as what a sandbox begins with does not.
        """
        if not messages:
            return
        text = "".join(f"{message}\n" for message in messages)
        self._file.write(text)
        self._file.flush()
        if tail:
            self._tail = (self._tail + text.encode())[-TAIL_BYTES:]
        streams.put(self._group, self._stream, messages, region=self._region)

    @property
    def tail(self) -> bytes:
        """The last of it, in bytes."""
        return self._tail

    def __enter__(self) -> InvocationLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
