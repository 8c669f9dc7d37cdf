"""The faults that are in force, which gateway and jobs ask for what befalls them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from include.local_aws.faults.kinds import Fault, Lag, Throttle, made

F = TypeVar("F", bound=Fault)


@dataclass
class Faults:
    """The faults that are in force now."""

    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, wanted: object) -> Fault:
        """
        Put a fault in.

        :param wanted: its kind and fields, as JSON gives them.
        :raises FaultError: when they do not make a fault.
        """
        fault = made(wanted)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Take every fault out."""
        with self._lock:
            self._faults.clear()

    def described(self) -> list[dict[str, Any]]:
        """Every fault as JSON; ``times`` is what is left of it."""
        with self._lock:
            return [{"kind": fault.KIND, **asdict(fault)} for fault in self._faults]

    def throttles(self, operation: str) -> bool:
        """Whether to throttle this request."""
        with self._lock:
            return any(fault.hits() for fault in self._of(Throttle, operation=operation))

    def take(self, kind: type[F], *, said: Callable[[], str] = str, **what: str) -> F | None:
        """
        The fault of a kind that befalls a request, a job or a deployment, one less of it being left then.

        :param said: path and body of the request; asked for only if there is a fault that wants to know.
        :param what: what the fault's patterns are compared with, by their fields' names.
        """
        with self._lock:
            for fault in self._of(kind, **what):
                if (text := getattr(fault, "contains", "")) and text not in said():
                    continue
                times = getattr(fault, "times", None)
                if times is not None:
                    fault.times = times - 1  # type: ignore[attr-defined]
                    if times == 1:
                        self._faults.remove(fault)
                return fault
        return None

    def lag_seconds(self, operation: str) -> float:
        """How far behind an operation's answers are."""
        with self._lock:
            return max((fault.seconds for fault in self._of(Lag, operation=operation)), default=0.0)

    def _of(self, kind: type[F], **what: str) -> list[F]:
        return [
            fault
            for fault in self._faults
            if isinstance(fault, kind)
            and all(fnmatchcase(value, getattr(fault, name)) for name, value in what.items())
        ]
