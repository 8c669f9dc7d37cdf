"""The parts of a verification's table: an assumption, what was seen of it, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from scripts.verify.evidence import Evidence

Verdict = Literal["confirmed", "refuted", "not provoked"]


@dataclass(frozen=True)
class Finding:
    """What was seen, and what that says of the assumption."""

    seen: str
    verdict: Verdict


Check = Callable[[Evidence], Finding]


@dataclass(frozen=True)
class Assumption:
    """
    One behaviour of AWS.

    :param name: short, and the same in docs/fidelity.md, which says where the claim is from.
    :param claim: what the project takes for true.
    :param check: looks for it in the evidence.
    """

    name: str
    claim: str
    check: Check


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    assumption: str
    claim: str
    seen: str
    verdict: Verdict

    def to_dict(self) -> dict[str, str]:
        """Give the line as JSON can hold it."""
        return asdict(self)


def confirmed(seen: str) -> Finding:
    """AWS did as is assumed."""
    return Finding(seen, "confirmed")


def refuted(seen: str) -> Finding:
    """AWS did otherwise."""
    return Finding(seen, "refuted")


def not_provoked(seen: str = "the verification did not get so far") -> Finding:
    """Nothing happened that could tell."""
    return Finding(seen, "not provoked")


def holds(is_so: bool, seen: str) -> Finding:
    """Confirmed or refuted."""
    return confirmed(seen) if is_so else refuted(seen)


def judge(assumption: Assumption, evidence: Evidence) -> Result:
    """Check one assumption; a check that breaks down refutes it: AWS answered as nobody expected."""
    try:
        finding = assumption.check(evidence)
    except Exception as error:  # noqa: BLE001 - the other checks go on
        finding = refuted(f"could not be read: {type(error).__name__}: {error}")
    return Result(assumption.name, assumption.claim, finding.seen, finding.verdict)
