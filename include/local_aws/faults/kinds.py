"""Kinds of faults: what can go wrong between a client and AWS, and in a job."""

from __future__ import annotations

import random
from dataclasses import MISSING, dataclass, fields
from fnmatch import fnmatchcase
from typing import ClassVar

from include.local_aws.faults.checks import FaultError, check
from include.local_aws.faults.lag import OPERATIONS


@dataclass
class Fault:
    """Base of the faults; ``times`` is how often one happens before it is over, None is for ever."""

    KIND: ClassVar[str]

    def __post_init__(self) -> None:
        for one in fields(self):
            check(one.name, getattr(self, one.name))


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
    contains: str = ""


@dataclass
class DelayCall(Fault):
    """Carry a request out later; ``contains`` picks the requests whose path or body has this text."""

    KIND = "delay_call"
    operation: str
    seconds: float
    times: int | None = None
    contains: str = ""


@dataclass
class DropReply(Fault):
    """Carry a request out, and close the connection without an answer."""

    KIND = "drop_reply"
    operation: str
    times: int | None = 1


@dataclass
class FailReply(Fault):
    """Carry a request out, and answer with an internal error of the service."""

    KIND = "fail_reply"
    operation: str
    code: str = "InternalFailure"
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
class FailDeployment(Fault):
    """Fail the creation or an update of endpoints; ``endpoint`` is a pattern of their names."""

    KIND = "fail_deployment"
    endpoint: str
    reason: str = "This fault was asked for."
    times: int | None = 1


@dataclass
class DelayDeployment(Fault):
    """Let the creation or an update of endpoints take longer."""

    KIND = "delay_deployment"
    endpoint: str
    seconds: float
    times: int | None = None


@dataclass
class Lag(Fault):
    """Let reads show what was so some time ago (:mod:`include.local_aws.lag`)."""

    KIND = "lag"
    operation: str
    seconds: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not any(fnmatchcase(operation, self.operation) for operation in OPERATIONS):
            raise FaultError(
                f"operation: {self.operation!r} cannot be behind; allowed: {', '.join(OPERATIONS)}"
                " and patterns of them"
            )


KINDS: dict[str, type[Fault]] = {
    kind.KIND: kind
    for kind in (
        *(Throttle, FailCall, DelayCall, DropReply, FailReply, DelayReply),
        *(FailJob, DelayJob, FailDeployment, DelayDeployment, Lag),
    )
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
