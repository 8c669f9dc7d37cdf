"""The main job through a real Airflow: trained, gated, and deployed when it is good enough."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from retraining.execution.name import execution_name
from scripts.airflow_client import AirflowClient, Json
from scripts.local_stack import LocalStack
from tests.e2e.conftest import DAG, RUN_TIMEOUT_S
from tests.e2e.retrain_runs import MACHINE
from tests.e2e.waiting import wait_until

REJECTED_HOUR = datetime(2013, 12, 12, tzinfo=UTC)
REPORT_FIELDS = {
    *("model", "outcome", "metric", "value", "threshold", "accuracy", "champion"),
    *("window_start", "window_end", "execution_arn", "state_machine_version"),
    *("training_job", "model_name", "endpoint", "durations", "error", "cause"),
}


@pytest.fixture(scope="session")
def scheduled(client: AirflowClient) -> Json:
    """The run that the scheduler made by itself."""
    runs = wait_until(
        lambda: client.runs(DAG, run_type="scheduled", order_by="run_after"),
        timeout_s=30,
        what="a run of the schedule",
    )
    return client.wait_for_run(DAG, runs[0]["dag_run_id"], timeout_s=RUN_TIMEOUT_S)


def test_the_schedule_retrains_the_newest_hour_and_deploys_it(
    stack: LocalStack,
    scheduled: Json,
    report_of: Callable[[Json], dict[str, Any]],
    states_of: Callable[[Json], dict[str, str]],
) -> None:
    report = report_of(scheduled)
    assert report.keys() >= REPORT_FIELDS
    assert report["outcome"] == "deployed"
    assert report["model"] == "flight_delay"
    assert report["metric"] == "validation:error"
    assert 0 < report["value"] < report["threshold"] == 0.10
    assert report["accuracy"] == pytest.approx(1 - report["value"])
    assert report["error"] is None
    assert scheduled["state"] == "success"
    assert set(states_of(scheduled).values()) == {"success"}

    end = datetime.fromisoformat(scheduled["data_interval_end"])
    assert datetime.fromisoformat(report["window_end"]) == end
    assert datetime.fromisoformat(report["window_start"]) == end - timedelta(days=28)
    assert end.minute == end.second == 0
    assert datetime.fromisoformat(scheduled["data_interval_start"]) == end - timedelta(hours=1)


def events_of(client: AirflowClient, run: Json) -> dict[str, str]:
    """The asset events of a run: the report's outcome by asset."""
    events = [event for event in client.asset_events() if event["source_run_id"] == run["dag_run_id"]]
    return {event["uri"]: event["extra"]["outcome"] for event in events}


def test_a_deployment_is_an_event_that_other_dags_can_be_scheduled_on(
    client: AirflowClient, scheduled: Json
) -> None:
    assert events_of(client, scheduled) == {
        "x-sagemaker://retraining/flight_delay/reports": "deployed",
        "x-sagemaker://endpoint/flight-delay": "deployed",
    }


def test_the_names_in_aws_derive_from_the_run(
    stack: LocalStack, scheduled: Json, report_of: Callable[[Json], dict[str, Any]]
) -> None:
    report = report_of(scheduled)
    name = execution_name(DAG, scheduled["dag_run_id"], state_machine=MACHINE)
    assert report["execution_arn"].endswith(f":{name}")
    assert (report["training_job"], report["model_name"]) == (f"{name}-0", name)
    job = stack.aws("sagemaker").describe_training_job(TrainingJobName=report["training_job"])
    assert job["TrainingJobStatus"] == "Completed"
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert metrics["validation:error"] == pytest.approx(report["value"], abs=1e-6)


def test_the_endpoint_serves_a_deployed_model(
    stack: LocalStack, scheduled: Json, report_of: Callable[[Json], dict[str, Any]]
) -> None:
    report = report_of(scheduled)
    endpoint = stack.aws("sagemaker").describe_endpoint(EndpointName=report["endpoint"])
    assert endpoint["EndpointStatus"] == "InService"
    # On time at the gate, and two hours behind: dep_delay, hour, minute, arrival, miles, carrier, from, to.
    on_time, late = "-5,9,0,1210,2475,6565,747075,766588", "120,9,0,1210,2475,6565,747075,766588"
    response = stack.aws("sagemaker-runtime").invoke_endpoint(
        EndpointName=report["endpoint"], ContentType="text/csv", Body=f"{on_time}\n{late}"
    )
    probabilities = [float(text) for text in response["Body"].read().decode().replace(",", "\n").split()]
    assert len(probabilities) == 2
    assert 0 <= probabilities[0] < 0.5 < probabilities[1] <= 1


def test_a_historical_window_is_rejected_and_the_run_is_green(
    client: AirflowClient,
    retrain: Callable[..., Json],
    report_of: Callable[[Json], dict[str, Any]],
    states_of: Callable[[Json], dict[str, str]],
) -> None:
    run = retrain(REJECTED_HOUR)
    report = report_of(run)
    states = states_of(run)
    assert run["state"] == "success"
    assert states.pop("accuracy_gate") == "skipped"
    assert set(states.values()) == {"success"}
    assert report["outcome"] == "rejected"
    assert report["error"] == "ModelAccuracyTooLow"
    assert report["value"] >= report["threshold"]
    assert report["window_end"] == "2013-12-12T00:00:00Z"
    assert report["model_name"] is None
    assert "Create model" not in report["durations"]
    assert events_of(client, run) == {"x-sagemaker://retraining/flight_delay/reports": "rejected"}


def test_a_run_of_its_own_threshold_and_policy_is_accepted_but_not_deployed(
    stack: LocalStack, retrain: Callable[..., Json], report_of: Callable[[Json], dict[str, Any]]
) -> None:
    run = retrain(
        REJECTED_HOUR + timedelta(hours=1),
        {"threshold": 0.9, "deploy_policy": "never", "window_days": 15, "endpoint": "not-made"},
    )
    report = report_of(run)
    assert report["outcome"] == "accepted"
    assert report["threshold"] == 0.9
    assert report["window_start"] == "2013-11-27T01:00:00Z"
    endpoints = stack.aws("sagemaker").list_endpoints()["Endpoints"]
    assert "not-made" not in {endpoint["EndpointName"] for endpoint in endpoints}
