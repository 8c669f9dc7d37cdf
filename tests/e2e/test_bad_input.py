"""What is wrong is refused, or fails, with the reason in plain words."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scripts.airflow_client import AirflowClient, ApiError, Json
from scripts.local_stack import LocalStack
from tests.e2e.conftest import DAG
from tests.e2e.waiting import wait_until

BEFORE_ANY_DATA = datetime(2012, 3, 1, 5, tzinfo=UTC)


def manual_work(stack: LocalStack) -> set[str]:
    """Names of the runs started by hand, and of their executions."""
    aws = stack.aws("stepfunctions")
    arns = [machine["stateMachineArn"] for machine in aws.list_state_machines()["stateMachines"]]
    executions = [
        execution for arn in arns for execution in aws.list_executions(stateMachineArn=arn)["executions"]
    ]
    runs = stack.client().runs(DAG, run_type="manual")
    return {run["dag_run_id"] for run in runs} | {
        execution["name"] for execution in executions if "-manual-" in execution["name"]
    }


@pytest.mark.parametrize(
    ("conf", "allowed"),
    [
        ({"threshold": 1.5}, "maximum of 1"),
        ({"threshold": -0.1}, "minimum of 0"),
        ({"threshold": "low"}, "number"),
        ({"window_days": 7}, "minimum of 8"),
        ({"window_days": 367}, "maximum of 366"),
        ({"window_days": 28.5}, "integer"),
        ({"deploy_policy": "sometimes"}, "auto"),
        ({"endpoint": "-flights"}, "a-zA-Z0-9"),
        ({"endpoint": "f" * 64}, "a-zA-Z0-9"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_invalid_parameter_is_refused_by_name_and_nothing_starts(
    stack: LocalStack, client: AirflowClient, conf: dict[str, Any], allowed: str
) -> None:
    before = manual_work(stack)
    with pytest.raises(ApiError) as refused:
        client.trigger(DAG, logical_date=BEFORE_ANY_DATA, conf=conf)
    (field,) = conf
    assert refused.value.status == 400
    assert field in refused.value.detail
    assert allowed in refused.value.detail
    assert manual_work(stack) == before


def test_a_window_without_data_fails_in_the_etl_and_the_report_names_it(
    stack: LocalStack,
    retrain: Callable[..., Json],
    report_of: Callable[[Json], dict[str, Any]],
    states_of: Callable[[Json], dict[str, str]],
) -> None:
    run = retrain(BEFORE_ANY_DATA)
    report = report_of(run)
    assert run["state"] == "failed"
    assert states_of(run)["accuracy_gate"] == "failed"
    assert report["outcome"] == "failed"
    assert report["value"] is None
    assert report["model_name"] is None
    assert "[2012-02-02T05:00:00Z, 2012-03-01T05:00:00Z)" in report["cause"]
    history = stack.aws("stepfunctions").get_execution_history(executionArn=report["execution_arn"])["events"]
    entered = [event["stateEnteredEventDetails"]["name"] for event in history if "Entered" in event["type"]]
    assert entered == ["Trained before?", "Extract and transform"]


def test_a_broken_model_folder_breaks_only_its_own_dag(client: AirflowClient, models_folder: Path) -> None:
    broken = models_folder / "broken"
    shutil.copytree(models_folder / "flight_delay", broken)
    spec = broken / "model.yaml"
    text = spec.read_text().replace("name: flight_delay", "name: broken", 1)
    spec.write_text(text.replace("window_days: 28", "window_days: -3", 1))
    try:
        errors = wait_until(client.import_errors, timeout_s=60, what="an import error")
        assert len(errors) == 1
        told = f"{errors[0]['filename']} {errors[0]['stack_trace']}"
        assert "broken/model.yaml" in told
        assert "window_days" in told
        assert "greater than or equal to 2" in told
        # Parsed again after the folder broke, and still there.
        broke = datetime.fromtimestamp(spec.stat().st_mtime, UTC)
        wait_until(
            lambda: datetime.fromisoformat(client.dags()[DAG]["last_parsed_time"]) > broke,
            timeout_s=60,
            what="the other model's DAG, parsed beside a broken folder",
        )
        assert "broken_retraining" not in client.dags()
    finally:
        shutil.rmtree(broken)
    wait_until(lambda: not client.import_errors(), timeout_s=60, what="the import error's end")
