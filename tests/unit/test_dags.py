"""The DAG files parse fast, import nothing heavy, and one broken model folder takes no other down."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.unit.conftest import PROJECT, write_model

HEAVY = ("sagemaker", "stepfunctions", "pandas", "numpy", "xgboost", "moto", "duckdb", "pyspark")
PARSE = f"""
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
heavy = [name for name in {HEAVY!r} if name in sys.modules]
params = {{name: dag.params.dump() for name, dag in bag.dags.items()}}
tasks = {{name: sorted(dag.task_ids) for name, dag in bag.dags.items()}}
waits = [task for dag in bag.dags.values() for task in dag.tasks if task.task_id.startswith("wait_")]
timeouts = {{task.task_id: task.timeout for task in waits}}
found = {{"heavy": heavy, "params": params, "tasks": tasks, "timeouts": timeouts}}
found["errors"] = bag.import_errors
print(json.dumps(found))
"""


def parse(airflow_home: Path, dags: Path = PROJECT / "dags", **environment: str) -> dict[str, Any]:
    """Parse the dags folder in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PARSE, dags],
        capture_output=True,
        text=True,
        check=True,
        env={
            "AIRFLOW_HOME": str(airflow_home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "PATH": str(Path(sys.executable).parent),
            **environment,
        },
    )
    parsed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return parsed


def test_one_dag_per_model_without_heavy_imports(tmp_path: Path) -> None:
    parsed = parse(tmp_path)
    assert parsed["errors"] == {}
    assert parsed["heavy"] == []
    expected = {
        "flight_delay_retraining": [
            "accuracy_gate",
            "deploy_workflow",
            "publish_report",
            "start_execution",
            "wait_for_execution",
        ],
        "flight_delay_rollback": [
            "deploy_workflow",
            "publish_report",
            "report",
            "start_rollback",
            "wait_for_rollback",
        ],
        "flight_delay_hold": ["hold"],
        "flight_delay_release": ["release"],
        "retraining_housekeeping": ["choose_models", "remove_leftovers"],
    }
    assert {name: parsed["tasks"].get(name) for name in expected} == expected
    assert parsed["params"]["flight_delay_rollback"] == {
        "to_model": None,
        "to_window_end": None,
        "hold": True,
        "reason": None,
        "endpoint": "flight-delay",
    }
    assert parsed["params"]["flight_delay_hold"] == {"reason": None, "endpoint": "flight-delay"}
    assert parsed["params"]["flight_delay_release"] == {"endpoint": "flight-delay"}
    assert parsed["params"]["retraining_housekeeping"] == {"dry_run": False, "model": None}
    assert parsed["params"]["flight_delay_retraining"] == {
        "threshold": 0.1,
        "window_start": None,
        "window_days": None,
        "window_end": None,
        "as_of": None,
        "deploy_policy": "auto",
        "endpoint": "flight-delay",
        "training_instance_type": "ml.m5.xlarge",
        "hyperparameters": {},
    }


def test_broken_model_folder_is_an_import_error_of_its_own(
    tmp_path: Path, model_yaml: dict[str, Any]
) -> None:
    models = tmp_path / "models"
    write_model(models, model_yaml)
    write_model(models, model_yaml | {"name": "broken", "window_days": 0}, folder="broken")
    parsed = parse(tmp_path, AIRFLOW__RETRAINING__MODELS_FOLDER=str(models))
    assert {"flight_delay_retraining", "flight_delay_rollback"} <= parsed["tasks"].keys()
    assert not any(name.startswith("broken") for name in parsed["tasks"])
    ((file, error),) = parsed["errors"].items()
    assert Path(file).name == "model_folders.py"
    assert "broken/model.yaml: window_days: Input should be greater than or equal to 2, but is 0" in error


def test_a_wait_lasts_longer_than_aws_lets_the_execution_run(
    tmp_path: Path, model_yaml: dict[str, Any]
) -> None:
    month = 30 * 24 * 3600
    models = tmp_path / "models"
    write_model(models, model_yaml | {"timeout_seconds": month})
    timeouts = parse(tmp_path, AIRFLOW__RETRAINING__MODELS_FOLDER=str(models))["timeouts"]
    assert set(timeouts) == {"wait_for_execution", "wait_for_rollback"}
    assert all(month < timeout < month + 3600 for timeout in timeouts.values())


def test_missing_models_folder_is_said(tmp_path: Path) -> None:
    parsed = parse(tmp_path, AIRFLOW__RETRAINING__MODELS_FOLDER=str(tmp_path / "nowhere"))
    assert parsed["tasks"] == {}
    assert any("[retraining] models_folder" in error for error in parsed["errors"].values())


def test_the_examples_in_the_docs_load(tmp_path: Path) -> None:
    parsed = parse(tmp_path, PROJECT / "docs" / "examples", PYTHONPATH=str(PROJECT / "plugins"))
    assert parsed["errors"] == {}
    assert parsed["tasks"] == {
        "invoice_run": ["announce", "start", "wait"],
        "hourly_retraining": ["start", "wait"],
    }
