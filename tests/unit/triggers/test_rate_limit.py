"""Request quotas are kept: for each account, in every region, and when AWS says it was too much."""

from __future__ import annotations

import pytest

from include.local_aws.gateway import quotas as embedded
from retraining.triggers.rate_limit import Quotas, TokenBucket

CALLS = {"describe": "DescribeExecution", "list": "ListExecutions", "history": "GetExecutionHistory"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("retraining.triggers.rate_limit.time.monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "cn-north-1"])
def test_budgets_stay_below_the_regions_quotas(region: str) -> None:
    ours = Quotas(region)
    for name, call in CALLS.items():
        burst, rate = embedded.quotas_of(region)[f"stepfunctions.{call}"]
        bucket: TokenBucket = getattr(ours, name)
        assert 0 < bucket._burst < burst
        assert 0 < bucket._rate < rate


def test_a_drained_bucket_is_empty_however_long_it_was_left_alone(clock: list[float]) -> None:
    bucket = TokenBucket(rate=10, burst=200)
    clock[0] += 3600
    bucket.drain()
    assert not bucket.try_take()
    clock[0] += 0.2
    assert bucket.try_take()
