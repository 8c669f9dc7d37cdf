"""Backfills come last, whatever the weight of their tasks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from retraining.priority import BackfillsLast


def weight(run_id: str, priority_weight: int = 1) -> int:
    task = SimpleNamespace(priority_weight=priority_weight)
    return BackfillsLast().get_weight(SimpleNamespace(task=task, run_id=run_id))


@pytest.mark.parametrize("run_id", ["scheduled__2013-05-01T00:00:00+00:00", "manual__1", "my run"])
def test_any_other_run_comes_before_a_backfill(run_id: str) -> None:
    assert weight(run_id) > weight("backfill__2013-05-01T00:00:00+00:00", priority_weight=1000)


def test_a_heavier_task_comes_first_among_its_own() -> None:
    assert weight("manual__1", 10) > weight("manual__1")
    assert weight("backfill__1", 10) > weight("backfill__1")
