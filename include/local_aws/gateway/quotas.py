"""AWS's request quotas of Step Functions, which are off until somebody asks for them."""

from __future__ import annotations

import threading
import time

# Tokens a bucket holds and tokens it gets a second, for each account and region:
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
LARGE_REGIONS = ("us-east-1", "us-west-2", "eu-west-1")
QUOTAS: dict[str, tuple[int, int]] = {
    "stepfunctions.CreateStateMachine": (100, 1),
    "stepfunctions.DeleteStateMachine": (100, 1),
    "stepfunctions.DeleteStateMachineVersion": (100, 1),
    "stepfunctions.DescribeExecution": (300, 15),
    "stepfunctions.DescribeStateMachine": (200, 20),
    "stepfunctions.DescribeStateMachineForExecution": (200, 1),
    "stepfunctions.GetExecutionHistory": (400, 20),
    "stepfunctions.ListExecutions": (200, 5),
    "stepfunctions.ListStateMachineVersions": (100, 1),
    "stepfunctions.ListStateMachines": (100, 5),
    "stepfunctions.ListTagsForResource": (100, 1),
    "stepfunctions.PublishStateMachineVersion": (100, 1),
    "stepfunctions.RedriveExecution": (1300, 300),
    "stepfunctions.StartExecution": (1300, 300),
    "stepfunctions.StopExecution": (1000, 200),
    "stepfunctions.TagResource": (200, 1),
    "stepfunctions.UntagResource": (200, 1),
    "stepfunctions.UpdateStateMachine": (100, 1),
}
QUOTAS_ELSEWHERE = {
    **QUOTAS,
    "stepfunctions.DescribeExecution": (250, 10),
    "stepfunctions.ListExecutions": (100, 2),
    "stepfunctions.RedriveExecution": (800, 150),
    "stepfunctions.StartExecution": (800, 150),
    "stepfunctions.StopExecution": (500, 25),
}


def quotas_of(region: str) -> dict[str, tuple[int, int]]:
    """The quotas of an account in a region, by service and operation."""
    return QUOTAS if region in LARGE_REGIONS else QUOTAS_ELSEWHERE


class _Bucket:
    def __init__(self, size: int, rate: int) -> None:
        self._size, self._rate = size, rate
        self._tokens, self._at = float(size), time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Quotas:
    """The buckets of one account."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._enforced = False

    @property
    def enforced(self) -> bool:
        return self._enforced

    def enforce(self, enforced: bool) -> None:
        """Begin with full buckets, or let everything pass."""
        with self._lock:
            self._enforced = enforced
            self._buckets.clear()

    def allows(self, operation: str, region: str) -> bool:
        """
        Take a token for a request.

        :param operation: service and operation, such as ``stepfunctions.DescribeExecution``.
        """
        with self._lock:
            quotas = quotas_of(region)
            if not self._enforced or operation not in quotas:
                return True
            bucket = self._buckets.setdefault((region, operation), _Bucket(*quotas[operation]))
            return bucket.take()
