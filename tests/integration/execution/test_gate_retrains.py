"""The gate, from the run's params to the report: thresholds, champions, hyperparameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from tests.integration.embedded_aws import PROJECT, LocalAws
from tests.integration.execution.gate_runs import Retrainer

FLIGHT_DELAY = PROJECT / "include" / "models" / "flight_delay"
# A tree that never splits answers with the base rate.
WEAK = {"num_round": 1, "gamma": 1_000_000}
QUICK = {"num_round": 5}


@pytest.fixture(scope="module")
def variant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first model, with a gate that also wants the champion beaten."""
    folder = tmp_path_factory.mktemp("models") / "champion_gate"
    folder.mkdir()
    content: dict[str, Any] = yaml.safe_load((FLIGHT_DELAY / "model.yaml").read_text())
    content["name"] = folder.name
    content["gate"] |= {"beat_champion_by": 0, "max_consecutive_rejections": 2}
    (folder / "model.yaml").write_text(yaml.safe_dump(content))
    (folder / "transform.sql").write_text((FLIGHT_DELAY / "transform.sql").read_text())
    return folder


@pytest.fixture
def flight_delay(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws) -> Retrainer:
    return Retrainer.deployed(monkeypatch, local_aws, FLIGHT_DELAY)


def test_a_champion_is_reported_once_there_is_one(flight_delay: Retrainer) -> None:
    first = flight_delay.retrain(threshold=0.5, hyperparameters=WEAK)
    assert (first["outcome"], first["champion"]) == ("deployed", None)
    second = flight_delay.retrain(hyperparameters=QUICK, deploy_policy="never")
    assert (second["outcome"], second["champion"]) == ("accepted", first["value"])
    assert second["value"] < second["threshold"] < first["value"]


def test_rejected_run_is_reported_in_full(flight_delay: Retrainer) -> None:
    report = flight_delay.retrain(threshold=0.001, hyperparameters=QUICK, rejections_before=3)
    assert isinstance(report["verdict"], AirflowSkipException)
    assert report["outcome"] == "rejected"
    assert report["value"] > report["threshold"] == 0.001
    assert report["accuracy"] == 1 - report["value"]
    assert report["consecutive_rejections"] == 4
    assert (report["window_start"], report["window_end"]) == ("2013-09-18T00:00:00Z", "2013-09-27T00:00:00Z")
    assert report["model_name"] is None
    assert report["durations"].keys() == {
        "Trained before?",
        "Extract and transform",
        "Train",
        "Read metrics",
        "Accuracy gate",
        "Reject model",
    }


def test_failed_run_names_state_and_reason(flight_delay: Retrainer) -> None:
    # Passes every check of a single hyperparameter; that these two exclude each other only training finds.
    broken = QUICK | {"objective": "multi:softmax", "eval_metric": "error"}
    report = flight_delay.retrain(hyperparameters=broken)
    assert isinstance(report["verdict"], AirflowFailException)
    assert (report["outcome"], report["failed_state"]) == ("failed", "Look at training")
    assert report["cause"] in str(report["verdict"])
    assert "num_class" in report["cause"]


def test_what_a_run_varies_of_training_reaches_the_training_job(
    flight_delay: Retrainer, local_aws: LocalAws
) -> None:
    report = flight_delay.retrain(
        hyperparameters={"max_depth": 2, "num_round": "3", "lambda": 1.5},
        training_instance_type="ml.c5.2xlarge",
        deploy_policy="never",
    )
    job = local_aws.client("sagemaker").describe_training_job(TrainingJobName=report["training_job"])
    assert job["ResourceConfig"]["InstanceType"] == "ml.c5.2xlarge"
    assert job["HyperParameters"] == {
        "objective": "binary:logistic",
        "eval_metric": "error",
        "num_round": "3",
        "max_depth": "2",
        "eta": "0.2",
        "gamma": "4",
        "min_child_weight": "6",
        "subsample": "0.8",
        "seed": "0",
        "lambda": "1.5",
    }


def test_the_champion_must_be_beaten_where_the_model_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, variant: Path
) -> None:
    champion_gate = Retrainer.deployed(monkeypatch, local_aws, variant)
    first = champion_gate.retrain(threshold=0.5, hyperparameters=WEAK)
    assert (first["outcome"], first["champion"], first["beat_champion_by"]) == ("deployed", None, 0)

    equal = champion_gate.retrain(threshold=0.5, hyperparameters=WEAK)
    assert (equal["outcome"], equal["value"], equal["champion"]) == (
        "rejected",
        first["value"],
        first["value"],
    )
    assert isinstance(equal["verdict"], AirflowSkipException)

    again = champion_gate.retrain(threshold=0.5, hyperparameters=WEAK, rejections_before=1)
    assert isinstance(again["verdict"], AirflowFailException)
    assert "Rejected 2 times in a row" in str(again["verdict"])

    better = champion_gate.retrain(threshold=0.5, hyperparameters=QUICK)
    assert better["value"] < first["value"]
    assert (better["outcome"], better["champion"]) == ("deployed", first["value"])
