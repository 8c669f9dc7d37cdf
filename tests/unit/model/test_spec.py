"""A model folder is refused with the file, the field and what is allowed; never half read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retraining.errors import ModelSpecError
from retraining.model.folders import load_spec
from tests.unit.conftest import write_model


def set_field(content: dict[str, Any], field: str, value: object) -> None:
    *parents, last = field.split(".")
    for parent in parents:
        content = content[parent]
    content[last] = value


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("window_days", 1, "greater than or equal to 2"),
        ("window_days", 367, "less than or equal to 366"),
        ("window_days", "a month", "valid integer"),
        ("validation_days", 0, "greater than or equal to 1"),
        ("schedule", "hourly", "cron expression"),
        ("schedule", "* * * *", "cron expression"),
        ("schedule", "0 0 * * * *", "cron expression of five fields"),
        ("schedule", "0 0 1 1 * 0 2020", "cron expression of five fields"),
        ("schedule", "R 3 * * *", "cron expression of five fields"),
        ("schedule", "0 0 1,r(5-20) * *", "cron expression of five fields"),
        ("schedule", "0 0 31 2 *", "must come some day"),
        ("schedule", "0 0 31 4,6,9,11 *", "must come some day"),
        ("schedule", "0 0 29 2 1#1", "must come some day"),
        ("endpoint", "flight_delay", "pattern"),
        ("endpoint", "-flight", "pattern"),
        ("endpoint", "a" * 64, "pattern"),
        ("dataset", "../flights", "pattern"),
        ("deploy_policy", "sometimes", "'auto', 'if_newer', 'never' or 'force'"),
        ("serving.alarms", ["too-many-5xx"], "alarms watch for bake_seconds, which is 0"),
        ("serving.data_capture", {"percentage": 101}, "less than or equal to 100"),
        ("serving.data_capture", {"percentage": 5, "folder": "../runs"}, "folder"),
        ("serving.traffic_shifting", {"type": "canary"}, "percentage: must be given with canary"),
        ("serving.traffic_shifting", {"type": "canary", "percentage": 51}, "less than or equal to 50"),
        ("serving.traffic_shifting", {"type": "linear", "percentage": 9}, "9 must be 10 to 50 with linear"),
        ("serving.traffic_shifting", {"type": "all_at_once", "percentage": 9}, "must be left out"),
        (
            "serving.traffic_shifting",
            {"type": "linear", "percentage": 10, "wait_seconds": 3600},
            "3600 after each of 10 steps is more than the 23400 s",
        ),
        ("serving.bake_seconds", 3601, "less than or equal to 3600"),
        ("retention", {"count": 0}, "greater than or equal to 1"),
        ("max_active_runs", 0, "greater than or equal to 1"),
        ("max_active_runs", 2**31, "less than or equal to 2147483647"),
        ("description", "delays\0", "pattern"),
        ("pool", "retrains\0", "pattern"),
        ("gate.metric", "error", "pattern"),
        ("gate.threshold", "low", "valid number"),
        ("gate.comparison", "less", "'less_than' or 'greater_than'"),
        ("gate.treshold", 0.1, "unknown field; allowed are metric, threshold, comparison"),
        ("gate.threshold", 10, "less than or equal to 1"),
        ("gate.beat_champion_by", -0.01, "greater than or equal to 0"),
        ("gate.on_rejected", "ignore", "'skip', 'fail' or 'succeed'"),
        ("gate.max_consecutive_rejections", 0, "greater than or equal to 1"),
        ("algorithm.version", "latest", "'1.7-1'"),
        ("algorithm.name", "lightgbm", "'xgboost'"),
        ("training.instance_type", "m5.xlarge", "pattern"),
        ("training.instance_count", 0, "greater than or equal to 1"),
        ("serving.instance_typ", "ml.m5.large", "unknown field; allowed are instance_type, instance_count"),
        ("hyperparameters", {"max_depth": 5}, "num_round"),
        ("hyperparameters.depth", 5, "unknown field; allowed are num_round, objective, eval_metric"),
        ("hyperparameters.eta", 1.5, "less than or equal to 1"),
        ("hyperparameters.max_depth", [5], "valid integer"),
        ("modell", "x", "unknown field; allowed are name, description, endpoint"),
    ],
)
def test_bad_field_is_named_with_value_and_what_is_allowed(
    tmp_path: Path, model_yaml: dict[str, Any], field: str, value: object, allowed: str
) -> None:
    set_field(model_yaml, field, value)
    model = write_model(tmp_path, model_yaml)
    with pytest.raises(ModelSpecError) as refused:
        load_spec(model)
    message = str(refused.value)
    assert str(model / "model.yaml") in message
    assert field in message
    assert allowed in message


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("outcomes", [], "at least 1 item"),
        ("outcomes", ["deplyed"], "'deployed', 'accepted', 'stale', 'held', 'rejected'"),
        ("notifier", "SnsNotifier", "pattern"),
        ("notifier", "os.system()", "pattern"),
        ("message", "hello", "unknown field; allowed are outcomes, notifier, arguments"),
    ],
)
def test_bad_notification_is_named(
    tmp_path: Path, model_yaml: dict[str, Any], field: str, value: object, allowed: str
) -> None:
    model_yaml["notify"] = [
        {"outcomes": ["failed"], "notifier": "a.B"},
        {"outcomes": ["failed"], "notifier": "a.B"},
    ]
    model_yaml["notify"][1][field] = value
    with pytest.raises(ModelSpecError) as refused:
        load_spec(write_model(tmp_path, model_yaml))
    assert f"notify.1.{field}" in str(refused.value)
    assert allowed in str(refused.value)


def test_missing_field_is_named(tmp_path: Path, model_yaml: dict[str, Any]) -> None:
    del model_yaml["endpoint"]
    with pytest.raises(ModelSpecError, match=r"model\.yaml: endpoint: Field required"):
        load_spec(write_model(tmp_path, model_yaml))


def test_every_problem_is_reported_at_once(tmp_path: Path, model_yaml: dict[str, Any]) -> None:
    model_yaml |= {"window_days": 0, "endpoint": "", "extra": 1}
    with pytest.raises(ModelSpecError) as refused:
        load_spec(write_model(tmp_path, model_yaml))
    assert len(str(refused.value).splitlines()) == 3


def test_validation_must_leave_rows_to_train_on(tmp_path: Path, model_yaml: dict[str, Any]) -> None:
    model_yaml["validation_days"] = 28
    with pytest.raises(ModelSpecError, match="validation_days: 28 must be less than window_days"):
        load_spec(write_model(tmp_path, model_yaml))


def test_gate_on_a_metric_that_training_does_not_compute(tmp_path: Path, model_yaml: dict[str, Any]) -> None:
    model_yaml["gate"]["metric"] = "validation:auc"
    with pytest.raises(ModelSpecError, match=r"gate\.metric: 'validation:auc' is not computed in training"):
        load_spec(write_model(tmp_path, model_yaml))


def test_name_must_be_the_folders(tmp_path: Path, model_yaml: dict[str, Any]) -> None:
    with pytest.raises(ModelSpecError, match="name: 'flight_delay' must be the folder's name, 'delays'"):
        load_spec(write_model(tmp_path, model_yaml, folder="delays"))


@pytest.mark.parametrize(("text", "complaint"), [("a: [", "not valid YAML"), ("- a", "must be a mapping")])
def test_file_that_is_no_mapping(tmp_path: Path, text: str, complaint: str) -> None:
    model = write_model(tmp_path, {})
    (model / "model.yaml").write_text(text)
    with pytest.raises(ModelSpecError, match=complaint):
        load_spec(model)


@pytest.mark.parametrize("needed", ["model.yaml", "transform.sql"])
def test_missing_file_is_named(tmp_path: Path, model_yaml: dict[str, Any], needed: str) -> None:
    model = write_model(tmp_path, model_yaml)
    (model / needed).unlink()
    with pytest.raises(ModelSpecError, match=f"{needed}: missing"):
        load_spec(model)


@pytest.mark.parametrize(
    "schedule",
    ["@hourly", "0 0 29 2 *", "0 0 31 * *", "0 6 * mar fri", "0 0 L * *", "*/5 * * * *", "0 0 * 2 1#5"],
)
def test_a_schedule_that_comes_is_taken(tmp_path: Path, model_yaml: dict[str, Any], schedule: str) -> None:
    assert load_spec(write_model(tmp_path, model_yaml | {"schedule": schedule})).schedule == schedule
