"""What an update of five minutes costs, by the rules of before and by today's: the docs say it truly."""

from __future__ import annotations

import re
from typing import Any

from tests.unit.conftest import PROJECT
from tests.unit.deployment.exploration.cost import (
    DYNAMODB,
    LAMBDA,
    SAGEMAKER,
    SECONDS,
    STEP_FUNCTIONS,
    TRANSITIONS,
    count,
)
from tests.unit.deployment.test_exploration import RULES_OF_BEFORE, execution, world

FIVE_MINUTES = 300


def test_the_docs_figures_are_the_counted_ones(definition: dict[str, Any]) -> None:
    rules = (RULES_OF_BEFORE, definition["States"])
    before, now = (count(world(execution(some, 2)), FIVE_MINUTES) for some in rules)
    page = (PROJECT / "docs" / "deployments.md").read_text()
    said = {
        name: (int(old), int(new)) for name, old, new in re.findall(r"\| (.+) \| (\d+) \| (\d+) \|", page)
    }
    assert said == {
        "state transitions": (before[TRANSITIONS], now[TRANSITIONS]),
        "calls of SageMaker": (before[SAGEMAKER], now[SAGEMAKER]),
        "calls of DynamoDB": (before[DYNAMODB], now[DYNAMODB]),
        "calls of Step Functions": (before[STEP_FUNCTIONS], now[STEP_FUNCTIONS]),
        "Lambda invocations": (before[LAMBDA], now[LAMBDA]),
        "seconds until `deployed`": (before[SECONDS], now[SECONDS]),
    }
