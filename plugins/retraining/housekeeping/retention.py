"""What housekeeping removes: what a run left that is beyond the retention and that nothing uses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from retraining.execution.name import execution_name
from retraining.model.spec import Retention

# Behind a training job's name stands its number among the execution's trainings (include/workflow/steps.py).
_NUMBER = re.compile(r"-\d{1,4}$")


@dataclass(frozen=True)
class Leftovers:
    """What a run left: all of it goes or stays together.

    :param run: what the run is named by in AWS, its ``TrainingJobName``.
    :param created: when the youngest part was made, UTC.
    :param window_end: end of the half-open window of the run's data, ISO 8601 UTC; None when no model or
        endpoint config has it in its tags.
    :param endpoint: endpoint that the model was meant for.
    :param model: the SageMaker model, which an accepted run has.
    :param configs: endpoint configs of the model, one for each time that it was deployed.
    :param objects: bytes of the run's S3 objects, by key.
    """

    run: str
    created: datetime
    window_end: str | None = None
    endpoint: str | None = None
    model: str | None = None
    configs: tuple[str, ...] = ()
    objects: Mapping[str, int] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names by which the run's parts may be in use."""
        return tuple(filter(None, (self.run, self.model, *self.configs)))

    @property
    def size(self) -> int:
        """Bytes in S3."""
        return sum(self.objects.values())


@dataclass(frozen=True)
class Use:
    """What is in use, whoever's it is.

    :param names: why something is in use, by the name of the run, model or endpoint config.
    :param served: the model that each endpoint serves, by endpoint.
    """

    names: Mapping[str, str]
    served: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """Whether a run's leftovers stay.

    :param because: why they stay; None when they go.
    """

    leftovers: Leftovers
    because: str | None


def judge(leftovers: Sequence[Leftovers], use: Use, retention: Retention, now: datetime) -> list[Verdict]:
    """Decide what goes: what is beyond both the retention's count and its days, and of no use to anybody.

    The newest models are those of the newest windows, so that a backfill does not push out what the endpoint
    served before. Runs that left no model, because they were rejected or failed, are counted by themselves:
    they push out no model either.

    :param leftovers: of one model.
    :param now: the moment that ages are reckoned at.
    :return: the verdicts, newest first.
    """
    newest_first = sorted(leftovers, key=_age, reverse=True)
    targets = rollback_targets(newest_first, use.served)
    counts: Counter[bool] = Counter()
    verdicts = []
    for item in newest_first:
        accepted = item.model is not None
        counts[accepted] += 1
        if used := next((use.names[name] for name in item.names if name in use.names), None):
            because: str | None = used
        elif item.run in targets:
            because = targets[item.run]
        elif item.created > now - timedelta(days=retention.days):
            because = f"younger than {retention.days} days"
        elif counts[accepted] <= retention.count:
            because = f"among the newest {retention.count}"
        else:
            because = None
        verdicts.append(Verdict(item, because))
    return verdicts


def rollback_targets(newest_first: Iterable[Leftovers], served: Mapping[str, str]) -> dict[str, str]:
    """Find what rolling back each endpoint would choose; the reason by run."""
    items = [item for item in newest_first if item.model and item.window_end]
    ends = {item.model: item.window_end for item in items}
    targets = {}
    for endpoint, model in served.items():
        now_served = ends.get(model)
        for item in items:
            if now_served and item.endpoint == endpoint and (item.window_end or "") < now_served:
                targets[item.run] = f"rolling back {endpoint} goes to it"
                break
    return targets


def _age(item: Leftovers) -> tuple[str, datetime]:
    return item.window_end or "", item.created


def name_prefix(dag_id: str) -> str:
    """What the names of a DAG's executions begin with."""
    return execution_name(dag_id, "", state_machine="").rpartition("-")[0] + "-"


def run_of(folder: str) -> str:
    """Name of the run that a folder below ``runs/`` belongs to: a training job's output has a number more."""
    return _NUMBER.sub("", folder)
