"""Retrains, a kill, preflight, housekeeping and rolling back with no rights but those the template grants."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from include.local_aws.control import Control
from scripts.airflow_client import AirflowClient
from scripts.gate_reports import gate_report
from scripts.local_stack import LocalStack
from tests.e2e.conftest import DAG, RUN_TIMEOUT_S, running_stack
from tests.e2e.retrain_runs import RetrainRun
from tests.e2e.waiting import wait_until
from tests.unit.cloudformation.template import Template

pytestmark = pytest.mark.heavy

BEFORE_ANY_DATA = datetime(2012, 3, 1, 5, tzinfo=UTC)
AIRFLOW = "arn:aws:iam::123456789012:user/airflow"
# What is granted to Airflow for events that this test does not bring about: more than twenty versions of a
# state machine, a run that left nothing but objects, and models that are beyond their retention.
NOT_USED = {
    "states:DeleteStateMachineVersion",
    "sagemaker:DeleteModel",
    "sagemaker:DeleteEndpointConfig",
    "s3:DeleteObject",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One of its own, whose AWS enforces policies."""
    with running_stack(tmp_path_factory.mktemp("enforcing"), enforce_iam=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def client(stack: LocalStack) -> AirflowClient:
    return stack.client()


@pytest.fixture
def control(stack: LocalStack) -> Iterator[Control]:
    control = Control(stack.aws_url)
    yield control
    control.clear_faults()


def run_of(client: AirflowClient, dag: str) -> str:
    """Run another DAG; its state at the end."""
    client.pause(dag, False)
    run = client.trigger(dag)["dag_run_id"]
    return str(client.wait_for_run(dag, run, timeout_s=RUN_TIMEOUT_S)["state"])


@pytest.mark.usefixtures("idle")
def test_all_of_airflows_work_is_done_with_its_policy_and_the_roles(
    stack: LocalStack, client: AirflowClient, control: Control
) -> None:
    (first, *_) = client.runs(DAG, run_type="scheduled")
    assert client.xcom(DAG, first["dag_run_id"], "accuracy_gate")["outcome"] == "deployed"
    again = RetrainRun(stack, {"deploy_policy": "force"})
    assert again.ended() == "success"
    assert again.report()["outcome"] == "deployed"

    failed = RetrainRun(stack)
    control.fail_job("sagemaker", f"{failed.name()}-*", times=1)
    assert failed.ended() == "failed"
    failed.clear("wait_for_execution", "accuracy_gate", "publish_report")
    wait_until(lambda: failed.state() != "failed", timeout_s=30, what="the run cleared")
    assert failed.ended() == "success"

    killed = RetrainRun(stack)
    control.delay_job("sagemaker", f"{killed.name()}-*", seconds=300, times=1)
    wait_until(killed.is_waited_for, timeout_s=60, what="a wait in the triggerer")
    wait_until(killed.training_jobs, timeout_s=60, what="a training under way")
    killed.mark_failed()
    assert killed.ended() == "failed"
    assert killed.report()["outcome"] == "aborted"

    # Why its ETL failed is read from what the job has left.
    empty = client.trigger(DAG, logical_date=BEFORE_ANY_DATA)["dag_run_id"]
    assert client.wait_for_run(DAG, empty, timeout_s=RUN_TIMEOUT_S)["state"] == "failed"
    report = gate_report(client, DAG, empty)
    assert report is not None
    assert "2012-03-01T05:00:00Z" in report["cause"]

    of_model = [f"flight_delay_{purpose}" for purpose in ("rollback", "hold", "release")]
    for dag in ("retraining_preflight", "retraining_housekeeping", *of_model):
        assert run_of(client, dag) == "success"

    found = control.authorizations()
    assert found.denied == {}
    (document,) = Template().policies("AirflowPolicy")
    granted = {action for statement in document["Statement"] for action in listed(statement["Action"])}
    assert granted - set(found.used[AIRFLOW]) == NOT_USED


def listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions
