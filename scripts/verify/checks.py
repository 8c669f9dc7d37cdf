"""How evidence is judged: checks that fit many assumptions."""

from __future__ import annotations

from scripts.verify.assumptions import Check, Finding, confirmed, holds, not_provoked, refuted
from scripts.verify.evidence import Evidence
from scripts.verify.probes import NEVER


def ends(run: str, outcome: str) -> Check:
    """Whether a DAG run ended with this outcome."""

    def check(evidence: Evidence) -> Finding:
        found = evidence.runs.get(run)
        if found is None:
            return not_provoked()
        good = found.outcome == outcome
        return holds(good, found.outcome if good else f"{found.outcome}: {found.trouble}")

    return check


def within(what: str) -> Check:
    """Whether an answer became true in time."""

    def check(evidence: Evidence) -> Finding:
        seconds = evidence.seconds.get(what)
        if seconds is None:
            return not_provoked()
        return refuted("not in time") if seconds == NEVER else confirmed(f"{seconds} s")

    return check


def answers(what: str, *expected: str) -> Check:
    """Whether the answer to a request has one of these texts in it."""

    def check(evidence: Evidence) -> Finding:
        found = evidence.answers.get(what)
        return not_provoked() if found is None else holds(any(text in found for text in expected), found)

    return check


def fact(what: str, expected: str) -> Check:
    """Whether something that was read is just that."""

    def check(evidence: Evidence) -> Finding:
        found = evidence.facts.get(what)
        return not_provoked() if found is None else holds(found == expected, str(found))

    return check


def failure(words: str, *expected: str, otherwise: str) -> Check:
    """
    Whether failures that speak of something, if there were any, had one of these names.

    :param words: in the cause, such as CapacityError.
    :param otherwise: what to say when there were none; nobody can ask AWS for them.
    """

    def check(evidence: Evidence) -> Finding:
        found = [(error, cause) for error, cause in evidence.failures() if words in cause]
        if not found:
            return not_provoked(otherwise)
        strange = [one for one in found if one[0] not in expected]
        error, cause = (strange or found)[0]
        return holds(not strange, f"{error}: {cause[:200]}")

    return check
