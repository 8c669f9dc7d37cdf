"""However many executions are in flight and however they finish: the newest accepted interval is served."""

from __future__ import annotations

import random
import threading

import pytest

from include.local_aws.control import Control
from tests.integration.airflow_side import connect
from tests.integration.deployment.deployments import Deployer, deploy_workflow
from tests.integration.deployment.test_deployment import FLIGHT_DELAY
from tests.integration.deployment.test_deployment import artifact as artifact  # a fixture
from tests.integration.embedded_aws import LocalAws

CALLS = ("dynamodb.PutItem", "dynamodb.GetItem", "sagemaker.DescribeEndpoint", "sagemaker.UpdateEndpoint")


def converges(
    monkeypatch: pytest.MonkeyPatch, aws: LocalAws, control: Control, artifact: str, seed: int, width: int
) -> None:
    """Deploy intervals in a shuffled order while calls and deployments dawdle, and see what is served."""
    chance = random.Random(seed)  # noqa: S311
    connect(monkeypatch, aws)
    deployer = Deployer.of(aws, deploy_workflow(FLIGHT_DELAY), artifact)
    hours = list(range(1, width + 1))
    chance.shuffle(hours)
    for hour in hours:
        # Of one call of each execution, the effect comes late: after what it was decided on has changed.
        control.delay_call(chance.choice(CALLS), chance.uniform(0, 3), times=1, contains=f"h{hour}-")
    for _ in hours:
        control.delay_deployment(deployer.endpoint, chance.uniform(0, 1), times=1)
    failing = chance.random() < 0.3 and hours.index(width) > 0
    executions: dict[int, str] = {}
    pause = threading.Event()
    for hour in hours:
        executions[hour] = deployer.start(hour)
        pause.wait(chance.uniform(0, 0.4))
    outcomes = {hour: deployer.outcome(execution) for hour, execution in executions.items()}
    assert set(outcomes.values()) <= {"deployed", "stale"}, (seed, outcomes, failing)
    assert outcomes[width] == "deployed", (seed, outcomes)
    assert deployer.served_hour == width, (seed, hours, outcomes)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_newest_interval_is_served_in_the_end(
    monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, control: Control, artifact: str, seed: int
) -> None:
    converges(monkeypatch, local_aws, control, artifact, seed, width=8)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(100, 120))
def test_the_newest_interval_is_served_in_the_end_of_many(
    monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, control: Control, artifact: str, seed: int
) -> None:
    converges(monkeypatch, local_aws, control, artifact, seed, width=16)
