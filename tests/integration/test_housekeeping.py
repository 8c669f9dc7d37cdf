"""Housekeeping on a thousand old models: exactly those go that nothing needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from include.local_aws.control import Control
from retraining.hooks.housekeeping import Housekeeper, Plan
from retraining.operators.housekeeping import HousekeepingError, HousekeepingOperator
from retraining.spec import load_spec
from tests.integration.airflow_side import CONN_ID, FakeContext, connect, counted_calls
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.endpoints import settled
from tests.integration.old_runs import OldRuns, model_folder
from tests.integration.sagemaker_requests import trained, training_request
from tests.integration.state_machines import WAIT, ended

RETENTION = {"count": 5, "days": 30}


class Tidied:
    """A model, its old runs, and the housekeeping of it."""

    def __init__(self, aws: LocalAws, folder: Path, artifact: str) -> None:
        self.aws = aws
        self.folder = folder
        spec = load_spec(folder)
        self.runs = OldRuns(aws, spec.name, spec.endpoint, artifact)
        self.old = datetime.now(UTC)
        self._endpoints: list[str] = []

    def is_old_now(self) -> None:
        """What is there so far is older than the retention; what comes is not."""
        # S3 tells times by the second.
        self.old = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
        until(lambda: datetime.now(UTC) > self.old)

    def keep_house(self, monkeypatch: pytest.MonkeyPatch, context: Any = None, **options: Any) -> Any:
        """Run the task, thirty days after what is old."""
        plan = Housekeeper.plan

        def later(housekeeper: Housekeeper) -> Plan:
            return plan(housekeeper, self.old + timedelta(days=30, microseconds=-1))

        operator = HousekeepingOperator(
            task_id="tidy", model_folder=self.folder, aws_conn_id=CONN_ID, **options
        )
        with monkeypatch.context() as patch:
            patch.setattr(Housekeeper, "plan", later)
            return operator.execute(context or FakeContext("tidy"))  # type: ignore[arg-type]

    def serve(self, config: str) -> str:
        """An endpoint in service."""
        name = f"endpoint-{uuid4().hex[:12]}"
        self._endpoints.append(name)
        self.aws.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=config)
        assert settled(self.aws, name)["EndpointStatus"] == "InService"
        return name

    def claim(self, endpoint: str, config: str, model: str) -> None:
        claim = {"Endpoint": endpoint, "EndpointConfigName": config, "ModelName": model}
        item = {name: {"S": value} for name, value in claim.items()}
        self.aws.client("dynamodb").put_item(TableName=self.aws.outputs["DeploymentsTable"], Item=item)

    def execute(self, state: dict[str, Any], name: str, given: dict[str, str]) -> str:
        """Start an execution of the model's state machine."""
        states = self.aws.client("stepfunctions")
        machine = f"model-retraining-{self.runs.model}"
        definition = {"StartAt": "Only", "States": {"Only": state}}
        arn = states.create_state_machine(
            name=machine,
            definition=json.dumps(definition),
            roleArn=self.aws.outputs["StateMachineRoleArn"],
        )["stateMachineArn"]
        execution: str = states.start_execution(stateMachineArn=arn, name=name, input=json.dumps(given))[
            "executionArn"
        ]
        return execution

    def close(self) -> None:
        sagemaker = self.aws.client("sagemaker")
        for name in self._endpoints:
            if sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService":
                sagemaker.delete_endpoint(EndpointName=name)


@pytest.fixture
def tidied(
    monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, models: dict[str, str], tmp_path: Path
) -> Iterator[Tidied]:
    connect(monkeypatch, local_aws)
    container = local_aws.client("sagemaker").describe_model(ModelName=models["model"])["PrimaryContainer"]
    tidied = Tidied(local_aws, model_folder(tmp_path, retention=RETENTION), container["ModelDataUrl"])
    yield tidied
    tidied.close()


def test_of_a_thousand_old_models_exactly_those_go_that_nothing_needs(
    tidied: Tidied, monkeypatch: pytest.MonkeyPatch, control: Control
) -> None:
    runs = tidied.runs
    names = runs.accepted(range(1000))
    stay: dict[str, str] = {}

    endpoint = tidied.serve(names[99])
    stay["served"] = names[99]
    control.delay_deployment(endpoint, 600, times=1)
    tidied.aws.client("sagemaker").update_endpoint(EndpointName=endpoint, EndpointConfigName=names[198])
    stay["being updated to"] = names[198]
    tidied.claim(f"not-yet-{uuid4().hex}", names[300], names[300])
    stay["claimed"] = names[300]
    redeployed = runs.name("manual__1", dag="rollback")
    runs.create_config(redeployed, names[396], 396)
    tidied.serve(redeployed)
    stay["redeployed"] = names[396]
    by_hand = f"by-hand-{uuid4().hex}"
    runs.create_config(by_hand, names[495], 500, tags={})
    tidied.serve(by_hand)
    stay["served by another's config"] = names[495]
    rollback = tidied.execute(
        WAIT, runs.name("manual__2", dag="rollback"), {"ModelName": names[600], "TrainingJobName": names[600]}
    )
    stay["being rolled back to"] = names[600]

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
    assert summary["beyond_retention"]["models"] == 1000 - len(stay) - 5
    assert "removed" not in summary

    with counted_calls(monkeypatch) as calls:
        summary = tidied.keep_house(monkeypatch)

    assert runs.models() == kept | {untagged, anothers}
    assert runs.configs() == kept | {redeployed}
    with_objects = {*stay.values(), names[996], names[999], young, anothers}
    assert runs.folders() == {folder for name in with_objects for folder in (name, f"{name}-0")}
    gone = 1000 - len(stay) - 5
    assert summary["removed"]["models"] == summary["removed"]["endpoint configs"] == gone
    assert summary["removed"]["objects"] == summary["beyond_retention"]["objects"] > 600
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
    # Reading takes no call for each model; what is in use is read again for every 200 removed.
    assert sum(calls.values()) < 200, calls

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
    monkeypatch.setattr("retraining.hooks.housekeeping.CHUNK", 2)
    remove = "retraining.hooks.removal.RemovalHook.remove"
    from retraining.hooks.removal import RemovalHook

    plain = RemovalHook.remove

    def remove_and_claim(hook: RemovalHook, *arguments: Any) -> None:
        plain(hook, *arguments)
        tidied.claim(f"late-{uuid4().hex}", names[0], names[0])

    monkeypatch.setattr(remove, remove_and_claim)
    assert tidied.keep_house(monkeypatch)["removed"]["models"] == 3
    assert tidied.runs.models() == {names[0], *names[4:]}
