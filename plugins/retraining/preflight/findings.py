"""What preflight finds, and what facts about the account mean for a model's retrains."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from retraining.model.local_storage import spec_problems
from retraining.model.spec import ModelSpec

# Blue/green: the new instances serve before the old ones go (UpdateEndpoint).
FLEETS_WHILE_UPDATING = 2
SETTLED = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}
_SHOWN = 5
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class State(StrEnum):
    """How something is; ``UNKNOWN`` is what could not be looked at, which stops nobody."""

    FINE = "fine"
    PROBLEM = "PROBLEM"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    :param what: such as ``stack``.
    :param detail: what was seen.
    :param todo: what to do about it; empty where there is nothing to do.
    """

    what: str
    state: State
    detail: str
    todo: str = ""


def table(findings: Sequence[Finding]) -> list[str]:
    """Lay findings out in aligned lines; what to do stands below what it is about."""
    what = max(len(finding.what) for finding in findings)
    state = max(len(finding.state) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.what:<{what}}  {finding.state:<{state}}  {finding.detail}".rstrip())
        if finding.todo:
            lines.append(f"{'':<{what}}  {'':<{state}}  -> {finding.todo}")
    return lines


def stack_status(name: str, status: str) -> Finding:
    """Judge a stack's status.

    :param status: as DescribeStacks gives it.
    """
    if status in SETTLED:
        return Finding("stack", State.FINE, f"{name} is {status}")
    if status.endswith("_IN_PROGRESS"):
        return Finding("stack", State.UNKNOWN, f"{name} is {status}", "wait for its end, and look again")
    return Finding(
        "stack", State.PROBLEM, f"{name} is {status}", "its events say why; then `make deploy-aws`"
    )


def role_trust(name: str, policy: Mapping[str, Any], service: str) -> Finding:
    """Judge whether a role lets a service assume it.

    :param policy: the role's trust policy.
    :param service: such as ``states.amazonaws.com``.
    """
    for statement in policy["Statement"]:
        principal = statement.get("Principal", {})
        trusted = principal.get("Service", []) if isinstance(principal, dict) else []
        if statement["Effect"] == "Allow" and service in ([trusted] if isinstance(trusted, str) else trusted):
            return Finding("role", State.FINE, f"{name} trusts {service}")
    return Finding("role", State.PROBLEM, f"{name} does not trust {service}", "`make deploy-aws` restores it")


def encryption(spec: ModelSpec, key: str | None) -> Iterator[Finding]:
    """
    Judge whether the model's instances can use the stack's key; nothing where it has none.

    :param key: its ARN.
    """
    problems = spec_problems(spec, key)
    for problem in problems:
        yield Finding("KMS key", State.PROBLEM, problem, "change model.yaml")
    if key and not problems:
        yield Finding("KMS key", State.FINE, key)


def quota_names(spec: ModelSpec) -> tuple[str, str]:
    """Names of SageMaker's quotas for the model's instances: for training, and for serving."""
    return (
        f"{spec.training.instance_type} for training job usage",
        f"{spec.serving.instance_type} for endpoint usage",
    )


def quotas(spec: ModelSpec, values: Mapping[str, float]) -> Iterator[Finding]:
    """Judge SageMaker's quotas for the model's instances.

    :param values: quotas by name, as Service Quotas names them: the account's, or AWS's defaults.
    """
    training, serving = spec.training, spec.serving
    for_training, for_serving = quota_names(spec)
    for name, needed, enough in (
        (
            for_training,
            training.instance_count,
            training.instance_count * spec.max_active_runs,
        ),
        (
            for_serving,
            serving.instance_count * FLEETS_WHILE_UPDATING,
            serving.instance_count * FLEETS_WHILE_UPDATING,
        ),
    ):
        value = values.get(name)
        if value is None:
            yield Finding(
                "quota", State.UNKNOWN, f"Service Quotas has no {name!r}", "is that an instance type here?"
            )
        elif value < needed:
            todo = f"ask for at least {needed} in Service Quotas, SageMaker, {name!r}"
            yield Finding("quota", State.PROBLEM, f"{name}: {value:g}, {needed} needed", todo)
        elif value < enough:
            waits = f"{name}: {value:g} of {enough} for {spec.max_active_runs} runs at once; the others wait"
            yield Finding("quota", State.FINE, waits)
        else:
            yield Finding("quota", State.FINE, f"{name}: {value:g}")


def data(spec: ModelSpec, partitions: Iterable[str], today: date) -> Finding:
    """Judge whether the next window has data.

    :param partitions: values of the partitions that are there: dates, UTC. No window reads what is none, such
        as the ``__HIVE_DEFAULT_PARTITION__`` in which Hive and Spark put rows without one.
    :param today: the date, UTC, on which the next window ends.
    """
    dates = {value: _day(value) for value in partitions}
    days = {day for day in dates.values() if day}
    others = sorted(value for value, day in dates.items() if day is None)
    found = _window(spec, days, today)
    if not others:
        return found
    detail = f"{found.detail}; never read, as it is no date: {_shown(others)}"
    return replace(found, detail=detail, todo=found.todo or "look at what loads the raw data")


def _day(value: str) -> date | None:
    # Not every way to write a date in ISO 8601: the ETL looks for this one.
    if not _DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _shown(items: Sequence[object]) -> str:
    return ", ".join(map(str, items[:_SHOWN])) + (", ..." if len(items) > _SHOWN else "")


def _window(spec: ModelSpec, days: Collection[date], today: date) -> Finding:
    where = f"data/{spec.dataset}/date=*"
    first = today - timedelta(days=spec.window_days)
    window = [first + timedelta(days=number) for number in range(spec.window_days)]
    there = sorted(day for day in days if first <= day <= today)
    if not there:
        newest = f"; the newest is of {max(days)}" if days else ""
        todo = "load the raw data, or train on an older window: params window_end and window_days"
        return Finding(
            "data", State.PROBLEM, f"{where}: nothing since {first}, where the window begins{newest}", todo
        )
    # A day's partition comes when the first row does, so today's may still be missing.
    if there[-1] < window[-1]:
        return Finding(
            "data", State.PROBLEM, f"{where}: nothing after {there[-1]}", "look at what loads the raw data"
        )
    missing = [day for day in window if day not in days]
    if missing:
        detail = f"{where}: {len(missing)} of {len(window)} days are missing: {_shown(missing)}"
        return Finding("data", State.UNKNOWN, detail, "were there no rows on those days?")
    return Finding("data", State.FINE, f"{where}: every day from {first} to {there[-1]}")
