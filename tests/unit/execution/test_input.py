"""One run has one name and one window, and nothing invalid becomes an execution's input."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraining.errors import RunConfigError
from retraining.execution.input import retrain_input
from retraining.execution.name import execution_name, name_before_stacks, restart_name
from retraining.execution.window import Window, iso
from retraining.model.spec import ModelSpec
from tests.unit.conftest import FLIGHT_DELAY_SPEC

END = datetime(2013, 5, 1, tzinfo=UTC)
MACHINE = "model-retraining-a_model"
DEPLOYMENT = {
    "state_machine": "an-arn:3",
    "fingerprint": "cafe",
    "glue_job": "etl",
    "metrics_function": "metrics",
    "deployment_function": "decide",
    "endpoint_test_function": "test",
    "deployments_table": "deployments",
}


def made(
    spec: ModelSpec,
    end: datetime | None = END,
    run_type: str = "manual",
    deployment: dict[str, str] | None = None,
    **params: Any,
) -> dict[str, Any]:
    run = SimpleNamespace(
        dag_id="a_dag",
        run_id="manual~2013-05-01T00:00:00+00:00",
        run_type=run_type,
        data_interval_end=end,
        run_after=datetime(2013, 6, 1, tzinfo=UTC),
    )
    return retrain_input(
        name="a-name", params=params, run=run, spec=spec, deployment=deployment or DEPLOYMENT
    ).to_dict()


@given(st.text(), st.text(), st.integers(1, 1000))
def test_names_are_valid_for_step_functions_and_sagemaker(dag_id: str, run_id: str, attempt: int) -> None:
    name = execution_name(dag_id, run_id, attempt, state_machine=MACHINE)
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,59}", name)
    assert name == execution_name(dag_id, run_id, attempt, state_machine=MACHINE)
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,59}", restart_name(name, 2))
    assert len({name, restart_name(name, 2), restart_name(name, 3)}) == 3


def test_stacks_models_and_starts_of_one_run_have_names_of_their_own() -> None:
    run = "a_dag", "scheduled__2013-05-01T00:00:00+00:00"
    names = {
        execution_name(*run, state_machine=machine, start=start)
        for machine in ("prod-model", "prod-test-model", "prod-other")
        for start in ("", "one", "two", "mapped[0]", "mapped[1]")
    }
    assert len(names) == 15
    assert name_before_stacks(*run) not in names


def test_runs_that_read_alike_have_different_names() -> None:
    names = {
        execution_name(dag, run, attempt, state_machine=MACHINE)
        for dag, run, attempt in [
            ("d", "a:b", 1),
            ("d", "a-b", 1),
            ("d-a", "b", 1),
            ("d", "a:b", 2),
            ("d", "x" * 100 + "1", 1),
            ("d", "x" * 100 + "2", 1),
        ]
    }
    assert len(names) == 6


def test_a_name_reads_as_dag_and_run() -> None:
    name = execution_name(
        "flight_delay_retraining", "scheduled__2013-05-01T00:00:00+00:00", state_machine=MACHINE
    )
    assert name.startswith("flight-delay-retraining-scheduled-2013-05-01T00-0")


def test_window_ends_with_the_interval_and_its_last_days_validate(spec: ModelSpec) -> None:
    end = datetime(2013, 5, 1, 12, tzinfo=UTC)
    window = Window.ending(end, spec, 28)
    assert (window.start, window.validation_start, window.end) == (
        datetime(2013, 4, 3, 12, tzinfo=UTC),
        datetime(2013, 4, 24, 12, tzinfo=UTC),
        end,
    )


@pytest.mark.parametrize("days", [-1, 0, 7, 367])
def test_window_that_is_all_validation_or_endless(spec: ModelSpec, days: int) -> None:
    with pytest.raises(RunConfigError, match=f"window_days: {days} must be between 8 and 366"):
        Window.ending(datetime(2013, 5, 1, tzinfo=UTC), spec, days)


def test_moments_are_written_in_utc() -> None:
    berlin = timezone(timedelta(hours=2))
    assert iso(datetime(2013, 5, 1, 1, 30, tzinfo=berlin)) == "2013-04-30T23:30:00Z"


def test_input_has_the_articles_five_names_the_window_and_the_choices(spec: ModelSpec) -> None:
    assert made(spec, run_type="backfill", threshold=0, hyperparameters={"max_depth": "3", "alpha": 0.5}) == {
        "TrainingJobName": "a-name",
        "GlueJobName": "etl",
        "ModelName": "a-name",
        "EndpointConfigName": "a-name",
        "EndpointName": "flight-delay",
        "LambdaFunctionName": "metrics",
        "EndpointTestFunctionName": "test",
        "DeploymentFunctionName": "decide",
        "DeploymentsTable": "deployments",
        "WindowStart": "2013-04-03T00:00:00Z",
        "ValidationStart": "2013-04-24T00:00:00Z",
        "WindowEnd": "2013-05-01T00:00:00Z",
        "AsOf": "2013-05-01T00:00:00Z",
        "Threshold": 0.0,
        "DeployPolicy": "never",
        "TrainingInstanceType": "ml.m5.xlarge",
        "Hyperparameters": {
            "objective": "binary:logistic",
            "eval_metric": "error",
            "num_round": "100",
            "max_depth": "3",
            "eta": "0.2",
            "gamma": "4",
            "min_child_weight": "6",
            "subsample": "0.8",
            "seed": "0",
            "alpha": "0.5",
        },
        "DagId": "a_dag",
        # Tags do not take every character that a run id may have.
        "RunId": "manual_2013-05-01T00:00:00+00:00",
        "Fingerprint": "cafe",
    }


def test_late_data_is_let_in_by_choice_only(spec: ModelSpec) -> None:
    assert made(spec, window_end="2013-04-01T00:00:00Z")["AsOf"] == "2013-04-01T00:00:00Z"
    assert made(spec, as_of="2013-07-01T02:00:00+02:00")["AsOf"] == "2013-07-01T00:00:00Z"


def test_a_margin_over_the_champion_is_input_where_the_model_asks_for_one(model_yaml: dict[str, Any]) -> None:
    model_yaml["gate"]["beat_champion_by"] = 0
    assert made(ModelSpec.model_validate(model_yaml))["BeatChampionBy"] == 0


def test_a_run_without_data_interval_ends_its_window_when_it_may_run(spec: ModelSpec) -> None:
    assert made(spec, end=None)["WindowEnd"] == "2013-06-01T00:00:00Z"


@pytest.mark.parametrize(
    ("params", "window"),
    [
        ({"window_end": "2013-04-01T00:00:00Z"}, ("2013-03-04", "2013-03-25", "2013-04-01")),
        ({"window_days": 8}, ("2013-04-23", "2013-04-24", "2013-05-01")),
        ({"window_start": "2013-04-23T00:00:00Z"}, ("2013-04-23", "2013-04-24", "2013-05-01")),
        (
            {"window_start": "2013-01-01T01:00:00+01:00", "window_end": "2013-02-01T00:00:00Z"},
            ("2013-01-01", "2013-01-25", "2013-02-01"),
        ),
    ],
)
def test_window_of_a_manual_run(spec: ModelSpec, params: dict[str, Any], window: tuple[str, ...]) -> None:
    given = made(spec, **params)
    laid = (given["WindowStart"], given["ValidationStart"], given["WindowEnd"])
    assert laid == tuple(f"{day}T00:00:00Z" for day in window)


@pytest.mark.parametrize(
    "start", ["2013-05-02T00:00:00Z", "2013-05-01T00:00:00Z", "2013-04-24T00:00:00Z", "2012-04-29T00:00:00Z"]
)
def test_a_start_must_leave_rows_to_train_on_before_the_intervals_end(spec: ModelSpec, start: str) -> None:
    with pytest.raises(RunConfigError, match=rf"^window_start: {start} must be more than 7 days"):
        made(spec, window_start=start)


def test_an_instance_type_that_the_stacks_key_cannot_encrypt_is_refused(spec: ModelSpec) -> None:
    key = {**DEPLOYMENT, "kms_key": "arn:aws:kms:eu-central-1:123456789012:key/a-key"}
    with pytest.raises(RunConfigError, match=r"^training_instance_type: ml.g5.xlarge has disks .*key/a-key"):
        made(spec, deployment=key, training_instance_type="ml.g5.xlarge")
    assert made(spec, deployment=key)["TrainingInstanceType"] == "ml.m5.xlarge"
    without = made(spec, training_instance_type="ml.g5.xlarge")
    assert without["TrainingInstanceType"] == "ml.g5.xlarge"


def test_hyperparameters_must_go_on_computing_the_gates_metric(spec: ModelSpec) -> None:
    with pytest.raises(RunConfigError, match=r"^hyperparameters.eval_metric: 'auc' must contain 'error'"):
        made(spec, hyperparameters={"eval_metric": "auc"})
    assert made(spec, hyperparameters={"eval_metric": "auc,error"})["Hyperparameters"]["eval_metric"]


moments = st.datetimes(datetime(1969, 1, 1), datetime(2201, 1, 1)).map(
    lambda moment: f"{moment.isoformat()}Z"
)
confs = st.fixed_dictionaries(
    {},
    optional={
        "window_start": st.none() | moments,
        "window_end": st.none() | moments,
        "window_days": st.none() | st.integers(-1, 400),
        "hyperparameters": st.fixed_dictionaries(
            {}, optional={"eval_metric": st.sampled_from(["auc", "error"])}
        ),
    },
)


@given(confs, moments)
def test_no_window_is_laid_in_the_wrong_order(conf: dict[str, Any], end: str) -> None:
    try:
        given = made(FLIGHT_DELAY_SPEC, datetime.fromisoformat(end), **conf)
    except RunConfigError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert refused.partition(":")[0].partition(".")[0] in conf
        return
    start, validation, end = (given[key] for key in ("WindowStart", "ValidationStart", "WindowEnd"))
    assert start < validation < end
    assert "error" in given["Hyperparameters"]["eval_metric"].split(",")
