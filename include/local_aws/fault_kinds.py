"""Kinds of faults: what can go wrong between a client and AWS, and in a job."""

from __future__ import annotations

import difflib
import random
import re
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, ClassVar

import botocore.session
from botocore.exceptions import UnknownServiceError

JOB_SERVICES = ("sagemaker", "glue")


class FaultError(ValueError):
    """A fault that makes no sense; says which field, its value and what is allowed."""


@dataclass
class Fault:
    """Base of the faults; ``times`` is how often one happens before it is over, None is for ever."""

    KIND: ClassVar[str]

    def __post_init__(self) -> None:
        for one in fields(self):
            _check(one.name, getattr(self, one.name))


@dataclass
class Throttle(Fault):
    """Refuse a share of an operation's requests with ThrottlingException."""

    KIND = "throttle"
    operation: str
    rate: float
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._random = random.Random(self.seed)  # noqa: S311

    def hits(self) -> bool:
        return self._random.random() < self.rate


@dataclass
class FailCall(Fault):
    """Refuse an operation's requests with an error, before they have any effect."""

    KIND = "fail_call"
    operation: str
    code: str
    status: int = 500
    message: str = "This fault was asked for."
    times: int | None = 1


@dataclass
class DropReply(Fault):
    """Carry a request out, and close the connection without an answer."""

    KIND = "drop_reply"
    operation: str
    times: int | None = 1


@dataclass
class DelayReply(Fault):
    """Carry a request out, and answer later."""

    KIND = "delay_reply"
    operation: str
    seconds: float
    times: int | None = None


@dataclass
class FailJob(Fault):
    """Fail training jobs or Glue job runs instead of running them; ``name`` is a pattern of job names."""

    KIND = "fail_job"
    service: str
    name: str
    reason: str = "AlgorithmError: this fault was asked for"
    times: int | None = 1


@dataclass
class DelayJob(Fault):
    """Let training jobs or Glue job runs take longer."""

    KIND = "delay_job"
    service: str
    name: str
    seconds: float
    times: int | None = None


@dataclass
class ListLag(Fault):
    """Let ListExecutions show an execution only some time after its start or redrive."""

    KIND = "list_lag"
    seconds: float


KINDS: dict[str, type[Fault]] = {
    kind.KIND: kind for kind in (Throttle, FailCall, DropReply, DelayReply, FailJob, DelayJob, ListLag)
}


def made(wanted: object) -> Fault:
    """
    Make a fault.

    :param wanted: its kind and fields, as JSON gives them.
    :raises FaultError: when they do not make a fault.
    """
    if not isinstance(wanted, dict):
        raise FaultError(f"a fault is a JSON object, not {wanted!r}")
    given = dict(wanted)
    kind = KINDS.get(given.pop("kind", None))
    if kind is None:
        raise FaultError(f"kind: {wanted.get('kind')!r} is not allowed; {', '.join(KINDS)} are")
    known = {one.name: one for one in fields(kind)}
    if unknown := sorted(given.keys() - known.keys()):
        raise FaultError(f"{unknown[0]}: unknown field of {kind.KIND}; its fields are {', '.join(known)}")
    if missing := [one.name for one in known.values() if one.default is MISSING and one.name not in given]:
        raise FaultError(f"{missing[0]}: {kind.KIND} needs it")
    return kind(**given)


def _check(name: str, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = number and isinstance(value, int)
    rules: dict[str, tuple[bool, str]] = {
        "rate": (number and 0 <= value <= 1, "0 to 1"),
        "seconds": (number and 0 <= value <= 3600, "0 to 3600"),
        "status": (whole and 400 <= value <= 599, "400 to 599"),
        "times": (value is None or (whole and value >= 1), "a whole number from 1, or null"),
        "seed": (whole, "a whole number"),
        "service": (value in JOB_SERVICES, " and ".join(JOB_SERVICES)),
    }
    allowed, words = rules.get(name, (isinstance(value, str) and value != "", "text"))
    if not allowed:
        raise FaultError(f"{name}: {value!r} is not allowed; allowed: {words}")
    if name == "operation":
        _check_operation(value)


def _check_operation(value: str) -> None:
    service, _, operation = value.partition(".")
    if re.search(r"[*?\[]", value):
        return
    known = _operations(service)
    if operation not in known:
        near = difflib.get_close_matches(operation, known, 1)
        hint = f"; did you mean {service}.{near[0]}?" if near else ""
        raise FaultError(
            f"operation: {value!r} is none; allowed: <service>.<Operation> as boto3 names them,"
            f" or a pattern such as stepfunctions.*{hint}"
        )


@cache
def _operations(service: str) -> list[str]:
    try:
        return list(botocore.session.get_session().get_service_model(service).operation_names)
    except UnknownServiceError:
        return []
