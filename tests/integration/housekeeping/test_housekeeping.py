"""Housekeeping on many old models: exactly those go that nothing needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from include.local_aws.control import Control
from retraining.deployment.aws.holds import HoldsHook
from retraining.deployment.hold import Hold
from retraining.housekeeping.aws.removal import RemovalHook
from retraining.operators.housekeeping import HousekeepingError
from tests.integration.airflow_side import CONN_ID, FakeContext, connect, counted_calls
from tests.integration.embedded_aws import LocalAws
from tests.integration.housekeeping.old_runs import model_folder
from tests.integration.housekeeping.tidied import RETENTION, Tidied
from tests.integration.sagemaker_requests import trained, training_request
from tests.integration.state_machines import WAIT, ended


@pytest.fixture
def tidied(
    monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, models: dict[str, str], tmp_path: Path, lag: float
) -> Iterator[Tidied]:
    connect(monkeypatch, local_aws)
    container = local_aws.client("sagemaker").describe_model(ModelName=models["model"])["PrimaryContainer"]
    tidied = Tidied(local_aws, model_folder(tmp_path, retention=RETENTION), container["ModelDataUrl"], lag)
    yield tidied
    tidied.close()


# More than a page of any list that is read.
@pytest.mark.parametrize("count", [110, pytest.param(1000, marks=pytest.mark.heavy)])
def test_of_many_old_models_exactly_those_go_that_nothing_needs(
    tidied: Tidied, monkeypatch: pytest.MonkeyPatch, control: Control, count: int
) -> None:
    runs = tidied.runs
    names = runs.accepted(range(count))
    stay: dict[str, str] = {}

    endpoint = tidied.serve(names[9])
    stay["served"] = names[9]
    control.delay_deployment(endpoint, 600, times=1)
    tidied.aws.client("sagemaker").update_endpoint(EndpointName=endpoint, EndpointConfigName=names[18])
    stay["being updated to"] = names[18]
    not_yet = f"not-yet-{uuid4().hex}"
    tidied.claim(not_yet, names[30], names[30])
    stay["claimed"] = names[30]
    # That an endpoint is held changes nothing, whether it is claimed or not.
    for held in (not_yet, f"held-{uuid4().hex}"):
        hold = Hold("ada", "an incident", "2013-05-02T10:00:00Z")
        HoldsHook(aws_conn_id=CONN_ID).hold(tidied.aws.outputs["DeploymentsTable"], held, hold)
    redeployed = runs.name("manual__1", dag="rollback")
    runs.create_config(redeployed, names[36], 36)
    tidied.serve(redeployed)
    stay["redeployed"] = names[36]
    by_hand = f"by-hand-{uuid4().hex}"
    runs.create_config(by_hand, names[45], 50, tags={})
    tidied.serve(by_hand)
    stay["served by another's config"] = names[45]
    rollback = tidied.execute(
        WAIT, runs.name("manual__2", dag="rollback"), {"ModelName": names[60], "TrainingJobName": names[60]}
    )
    stay["being rolled back to"] = names[60]

    untagged = runs.name("untagged")
    runs.create_model(untagged, 1, tags={})
    anothers = runs.name("another's")
    runs.create_model(anothers, 1, tags={"retraining:model": "another", "retraining:window-end": "2013"})
    runs.write_objects(anothers)
    tidied.is_old_now()
    young = runs.accept(-3)
    newest = set(names[-5:])
    kept = {*stay.values(), *newest, young}

    before = runs.models(), runs.configs(), runs.folders()
    summary = tidied.keep_house(monkeypatch, plan_only=True)
    assert (runs.models(), runs.configs(), runs.folders()) == before
    assert summary["beyond_retention"]["models"] == count - len(stay) - 5
    assert "removed" not in summary

    with counted_calls(monkeypatch) as calls:
        summary = tidied.keep_house(monkeypatch)

    assert runs.models() == kept | {untagged, anothers}
    assert runs.configs() == kept | {redeployed}
    newest_with_objects = {names[hour] for hour in range(count - 5, count) if hour % 3 == 0}
    with_objects = {*stay.values(), *newest_with_objects, young, anothers}
    assert runs.folders() == {folder for name in with_objects for folder in (name, f"{name}-0")}
    gone = count - len(stay) - 5
    assert summary["removed"]["models"] == summary["removed"]["endpoint configs"] == gone
    assert summary["removed"]["objects"] == summary["beyond_retention"]["objects"] > count // 2
    assert summary["removed"]["bytes"] == summary["beyond_retention"]["bytes"] > 0
    assert summary["kept"] == {
        "among the newest 5": 5,
        "younger than 30 days": 1,
        f"served by {endpoint}": 1,
        f"{endpoint} is being updated to it": 1,
        **{why: 1 for why in summary["kept"] if why not in ("among the newest 5", "younger than 30 days")},
    }
    assert sum(summary["kept"].values()) == len(kept)
    assert summary["not_touched"] == sorted(f"runs/{anothers}{end}/" for end in ("", "-0"))
    assert calls.pop("DeleteModel") == calls.pop("DeleteEndpointConfig") == gone
    # Reading takes no call for each model; what is in use is read again for every 200 removed, and that is a
    # call for each endpoint of the account, which other tests have, too.
    per_endpoint = calls.pop("DescribeEndpoint"), calls.pop("DescribeEndpointConfig")
    assert sum(calls.values()) < 100, calls
    endpoints = tidied.aws.client("sagemaker").list_endpoints(MaxResults=100)["Endpoints"]
    assert max(per_endpoint) <= (count // 200 + 2) * (len(endpoints) + 1), per_endpoint

    assert tidied.keep_house(monkeypatch)["removed"] == {"bytes": 0}
    tidied.aws.client("stepfunctions").stop_execution(executionArn=rollback)


def test_rejected_and_failed_runs_leave_nothing_behind(
    tidied: Tidied, monkeypatch: pytest.MonkeyPatch, control: Control
) -> None:
    runs, sagemaker = tidied.runs, tidied.aws.client("sagemaker")

    def train(run: str, **tags: str) -> str:
        name = runs.name(run)
        runs.write_objects(name)
        tagged = runs.tags(name, 1) if not tags else [{"Key": "retraining:model", "Value": tags["model"]}]
        request = training_request(tidied.aws, TrainingJobName=f"{name}-0", Tags=tagged)
        sagemaker.create_training_job(**request)
        return name

    rejected = [train(f"rejected-{number}") for number in range(7)]
    anothers = train("another's", model="another")
    for name in (*rejected, anothers):
        trained(tidied.aws, f"{name}-0")
    control.delay_job("sagemaker", f"{runs.name('training')}-0", 60, times=1)
    training = train("training")
    without_training = runs.name("failed-in-etl")
    runs.write_objects(without_training)
    failure = {"Type": "Fail", "Error": "EtlFailed"}
    ended(tidied.aws, tidied.execute(failure, without_training, {}))
    stranger = runs.name("whose-is-this")
    runs.write_objects(stranger)
    tidied.is_old_now()

    summary = tidied.keep_house(monkeypatch)

    # The newest five without a model stay, of which one is in training.
    assert summary["beyond_retention"] == {
        **{"runs": 4, "models": 0, "endpoint configs": 0, "objects": 8},
        "bytes": summary["removed"]["bytes"],
    }
    left = {folder.removesuffix("-0") for folder in runs.folders()}
    assert {training, anothers, stranger} <= left
    assert len(left - {training, anothers, stranger}) == 4
    assert summary["not_touched"] == sorted(
        f"runs/{name}{end}/" for name in (anothers, stranger) for end in ("", "-0")
    )
    assert summary["kept"][f"training job {training}-0 is running"] == 1
    sagemaker.stop_training_job(TrainingJobName=f"{training}-0")


def test_what_cannot_be_deleted_is_reported_and_stops_nothing_else(
    tidied: Tidied, monkeypatch: pytest.MonkeyPatch, control: Control
) -> None:
    runs = tidied.runs
    names = runs.accepted(range(9))
    tidied.is_old_now()
    denied = "AccessDeniedException"
    control.fail_call("sagemaker.DeleteModel", denied, 400, times=None, contains=names[3])
    control.fail_call("sagemaker.DeleteEndpointConfig", "ThrottlingException", 400, times=2)
    context = FakeContext("tidy")

    with pytest.raises(HousekeepingError, match=f"1 could not be removed:\n{names[3]}: .*AccessDenied"):
        tidied.keep_house(monkeypatch, context)

    assert runs.models() == {*names[3:]}
    # A model that stays keeps its artifact.
    assert {names[3], f"{names[3]}-0"} <= runs.folders()
    assert context.xcoms["return_value"]["removed"]["models"] == 3
    assert len(context.xcoms["return_value"]["errors"]) == 1

    control.clear_faults()
    assert tidied.keep_house(monkeypatch)["removed"]["models"] == 1
    assert runs.models() == {*names[4:]}
    assert not any(folder.startswith(names[3]) for folder in runs.folders())


def test_what_came_into_use_since_it_was_looked_at_stays(
    tidied: Tidied, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tidied.runs.accepted(range(9))
    tidied.is_old_now()
    monkeypatch.setattr("retraining.housekeeping.aws.housekeeper.CHUNK", 2)
    remove = RemovalHook.remove

    def remove_and_claim(hook: RemovalHook, *arguments: Any) -> None:
        remove(hook, *arguments)
        tidied.claim(f"late-{uuid4().hex}", names[0], names[0])

    monkeypatch.setattr(RemovalHook, "remove", remove_and_claim)
    assert tidied.keep_house(monkeypatch)["removed"]["models"] == 3
    assert tidied.runs.models() == {names[0], *names[4:]}


def test_what_an_execution_needs_that_has_just_begun_stays(
    tidied: Tidied, monkeypatch: pytest.MonkeyPatch, control: Control
) -> None:
    names = tidied.runs.accepted(range(8))
    tidied.is_old_now()
    tidied.lag = 2
    for read in ("ListExecutions", "DescribeExecution", "DescribeStateMachine"):
        control.lag(f"stepfunctions.{read}", tidied.lag)
    name = tidied.runs.name("manual__1", dag="rollback")
    rollback = tidied.execute(WAIT, name, {"ModelName": names[0], "TrainingJobName": names[0]})
    tidied.keep_house(monkeypatch)
    assert names[0] in tidied.runs.models()
    tidied.aws.client("stepfunctions").stop_execution(executionArn=rollback)
