"""What came of an execution, in one word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

Outcome = Literal["deployed", "accepted", "stale", "held", "rejected", "failed", "timed_out", "aborted"]

# The error of the state machine's Fail state (include/workflow/definition.py).
REJECTED_ERROR = "ModelAccuracyTooLow"
PASSED = ("deployed", "accepted", "stale", "held")
# The others' models were never judged.
JUDGED = (*PASSED, "rejected")


def outcome_of(execution: Mapping[str, Any]) -> Outcome:
    """Name what came of an ended execution.

    :param execution: as DescribeExecution describes it.
    :raises ValueError: while the execution runs, or when its output names no outcome.
    """
    match execution["status"]:
        case "SUCCEEDED":
            outcome = json.loads(execution["output"]).get("Outcome")
            if outcome not in PASSED:
                raise ValueError(f"{execution['executionArn']} succeeded with unknown Outcome {outcome!r}")
            return outcome  # type: ignore[no-any-return]
        case "FAILED":
            return "rejected" if execution.get("error") == REJECTED_ERROR else "failed"
        case "TIMED_OUT":
            return "timed_out"
        case "ABORTED":
            return "aborted"
        case status:
            raise ValueError(f"{execution['executionArn']} has not ended: {status}")
