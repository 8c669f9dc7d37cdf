"""Who is told of a failed execution: the people of its stack alone."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from tests.unit.cloudformation.template import ACCOUNT, REGION, Template

STATES = f"arn:aws:states:{REGION}:{ACCOUNT}"
NAME = "flight-delay-retraining-scheduled-2013-05-01T00-0-0123456789"


@pytest.mark.parametrize(
    ("machine", "told"),
    [
        ("model-retraining-flight_delay", True),
        ("model-retraining-x", True),
        ("model-retraining-test-flight_delay", False),
        ("model-retraining-test-2-x", False),
        ("payroll", False),
    ],
)
def test_a_failure_is_told_to_its_own_stack(machine: str, told: bool) -> None:
    rule = Template().resources["FailedExecutions"]["Properties"]["EventPattern"]["detail"]
    ((begins,), (others,)) = (rule["stateMachineArn"], rule["executionArn"])
    filled_in = Template().filled_in
    prefix, not_ours = filled_in(begins)["prefix"], filled_in(others)["anything-but"]["wildcard"]
    matches = f"{STATES}:stateMachine:{machine}".startswith(prefix) and not fnmatchcase(
        f"{STATES}:execution:{machine}:{NAME}", not_ours
    )
    assert matches is told
