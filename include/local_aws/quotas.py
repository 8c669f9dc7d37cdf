"""AWS's request quotas of Step Functions, which are off until somebody asks for them."""

from __future__ import annotations

import threading
import time

# Tokens a bucket holds and tokens it gets a second, in us-east-1, for each account and region:
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
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
            if not self._enforced or operation not in QUOTAS:
                return True
            bucket = self._buckets.setdefault((region, operation), _Bucket(*QUOTAS[operation]))
            return bucket.take()
