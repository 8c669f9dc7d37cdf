"""Rolling an endpoint back through a real Airflow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scripts.airflow_client import AirflowClient, ApiError, Json
from scripts.local_stack import LocalStack
from tests.e2e.conftest import DAG, RUN_TIMEOUT_S

ROLLBACK, RELEASE = "flight_delay_rollback", "flight_delay_release"
ENDPOINT = "rolled-back"
OLDER = datetime(2013, 9, 27, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def accepted(client: AirflowClient) -> list[Json]:
    """Reports of two retrains for one endpoint, the older window first."""
    for dag in (ROLLBACK, RELEASE):
        client.pause(dag, False)
    runs = [retrain(client, hour) for hour in (0, 1)]
    for run in runs:
        assert client.wait_for_run(DAG, run, timeout_s=RUN_TIMEOUT_S)["state"] == "success"
    return [client.xcom(DAG, run, "accuracy_gate") for run in runs]


def retrain(client: AirflowClient, hour: int) -> str:
    """Start a retrain that is accepted; the run's id."""
    conf = {"endpoint": ENDPOINT, "window_days": 9, "threshold": 0.9}
    run = client.trigger(DAG, logical_date=OLDER + timedelta(hours=hour), conf=conf)
    return str(run["dag_run_id"])


def roll_back(client: AirflowClient, **conf: Any) -> Json:
    run = client.trigger(ROLLBACK, conf={"endpoint": ENDPOINT, **conf})
    return client.wait_for_run(ROLLBACK, run["dag_run_id"], timeout_s=RUN_TIMEOUT_S)


def served(stack: LocalStack) -> str:
    """The model that the endpoint serves."""
    sagemaker = stack.aws("sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName=ENDPOINT)
    assert endpoint["EndpointStatus"] == "InService"
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    return str(config["ProductionVariants"][0]["ModelName"])


def test_bad_input_is_refused_and_starts_nothing(
    stack: LocalStack, client: AirflowClient, accepted: list[Json]
) -> None:
    with pytest.raises(ApiError, match="to_window_end"):
        roll_back(client, to_window_end="yesterday")
    run = roll_back(client, to_model="no-such-model")
    assert run["state"] == "failed"
    log = client.log(ROLLBACK, run["dag_run_id"], "start_rollback")
    assert "to_model: 'no-such-model' is no accepted model" in log
    assert all(report["model_name"] in log for report in accepted)
    states = {task: it["state"] for task, it in client.task_instances(ROLLBACK, run["dag_run_id"]).items()}
    assert (states["wait_for_rollback"], states["report"]) == ("upstream_failed", "upstream_failed")
    assert served(stack) == accepted[1]["model_name"]


def test_the_endpoint_goes_to_the_model_before_and_back_by_name_and_is_held_until_released(
    stack: LocalStack, client: AirflowClient, accepted: list[Json]
) -> None:
    older, newer = (report["model_name"] for report in accepted)
    assert served(stack) == newer
    newest = ""
    for conf, target, replaced in (({}, older, newer), ({"to_model": newer}, newer, older)):
        run = roll_back(client, **conf)
        assert run["state"] == "success"
        report = client.xcom(ROLLBACK, run["dag_run_id"], "report")
        assert report["outcome"] == "deployed"
        assert (report["model_name"], report["replaced_model"]) == (target, replaced)
        assert "Train" not in report["durations"]
        assert served(stack) == target
        assert report["held_by"]
        assert report["held_because"] == f"rolled back from {replaced}"
        # It trains while the next rollback is under way.
        newest = newest or retrain(client, 2)

    assert client.wait_for_run(DAG, newest, timeout_s=RUN_TIMEOUT_S)["state"] == "success"
    held = client.xcom(DAG, newest, "accuracy_gate")
    assert (held["outcome"], held["held_by"]) == ("held", report["held_by"])
    assert report["held_by"] in client.log(DAG, newest, "accuracy_gate")
    assert served(stack) == newer

    run = client.trigger(RELEASE, conf={"endpoint": ENDPOINT})["dag_run_id"]
    assert client.wait_for_run(RELEASE, run, timeout_s=RUN_TIMEOUT_S)["state"] == "success"
    released = client.xcom(RELEASE, run, "release")
    assert (released["model_name"], released["held_by"]) == (newer, report["held_by"])
