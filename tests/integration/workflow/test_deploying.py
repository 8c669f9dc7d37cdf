"""A state machine is what its sources compile to: no call too many, no edit by hand, no clash of runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import AirflowFailException

from retraining.errors import StackError
from retraining.hooks import workflow
from retraining.hooks.stack import StackHook
from retraining.hooks.workflow import FINGERPRINT_TAG, WorkflowHook
from retraining.operators.deploy_workflow import DeployWorkflowOperator
from retraining.workflow.compiler import WorkflowCompiler
from tests.integration.airflow_side import CONN_ID, FakeContext, connect, counted_calls
from tests.integration.embedded_aws import PROJECT, STACK_NAME, LocalAws

FINGERPRINTS = ["a" * 64, "b" * 64]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws) -> WorkflowHook:
    connect(monkeypatch, local_aws)
    return WorkflowHook(aws_conn_id=CONN_ID)


@pytest.fixture
def arn() -> str:
    return f"arn:aws:states:us-east-1:123456789012:stateMachine:deploying-{uuid4().hex[:8]}"


def definition(result: str = "x") -> dict[str, Any]:
    return {
        "Comment": "A test",
        "StartAt": "Only",
        "States": {"Only": {"Type": "Pass", "Result": result, "End": True}},
    }


def deploy(hook: WorkflowHook, arn: str, result: str = "x", fingerprint: str = FINGERPRINTS[0]) -> str:
    role = StackHook(aws_conn_id=CONN_ID).read(STACK_NAME).state_machine_role
    return hook.deploy(arn, definition(result), role, fingerprint)


def test_what_was_deployed_is_known_from_one_call(
    hook: WorkflowHook, arn: str, monkeypatch: pytest.MonkeyPatch, seen: Callable[[], None]
) -> None:
    assert hook.deployed(arn) is None
    version = deploy(hook, arn)
    seen()
    with counted_calls(monkeypatch) as calls:
        deployed = hook.deployed(arn)
    assert calls == {"DescribeStateMachine": 1}
    assert deployed
    assert (deployed.fingerprint, deployed.version, deployed.drifted) == (FINGERPRINTS[0], version, False)
    assert deployed.definition == definition()
    tags = hook.client.list_tags_for_resource(resourceArn=arn)["tags"]
    assert {"key": FINGERPRINT_TAG, "value": FINGERPRINTS[0]} in tags


def test_executions_run_on_the_version_that_was_deployed(
    hook: WorkflowHook, arn: str, seen: Callable[[], None]
) -> None:
    first, second = deploy(hook, arn, "old"), deploy(hook, arn, "new", FINGERPRINTS[1])
    assert first != second
    started = hook.start_or_adopt(first, "on-the-old-one", {})
    seen()
    execution = hook.describe_execution(started)
    assert execution["stateMachineVersionArn"] == first


@pytest.mark.parametrize("keep_stamp", [True, False])
def test_an_edit_by_hand_is_seen(
    hook: WorkflowHook, arn: str, keep_stamp: bool, seen: Callable[[], None]
) -> None:
    deploy(hook, arn)
    seen()
    edited = json.loads(hook.client.describe_state_machine(stateMachineArn=arn)["definition"])
    edited["States"]["Only"]["Result"] = "edited"
    if not keep_stamp:
        del edited["Comment"]
    hook.client.update_state_machine(stateMachineArn=arn, definition=json.dumps(edited))
    seen()
    deployed = hook.deployed(arn)
    assert deployed
    assert deployed.drifted
    diff = workflow.definition_diff(deployed.definition, definition())
    assert '-      "Result": "edited"' in diff
    assert '+      "Result": "x"' in diff


def test_a_deployment_cut_short_before_the_stamp_is_not_taken_for_one(
    hook: WorkflowHook, arn: str, monkeypatch: pytest.MonkeyPatch, seen: Callable[[], None]
) -> None:
    deploy(hook, arn)
    with monkeypatch.context() as patch:
        patch.setattr(workflow, "_digest", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            deploy(hook, arn, "new", FINGERPRINTS[1])
    seen()
    deployed = hook.deployed(arn)
    assert deployed
    assert deployed.fingerprint != FINGERPRINTS[1]
    version = deploy(hook, arn, "new", FINGERPRINTS[1])
    seen()
    deployed = hook.deployed(arn)
    assert deployed
    assert (deployed.version, deployed.definition) == (version, definition("new"))


def test_runs_that_deploy_at_once_end_with_one_definition(
    hook: WorkflowHook, arn: str, seen: Callable[[], None]
) -> None:
    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(lambda _: deploy(WorkflowHook(aws_conn_id=CONN_ID), arn), range(8)))
    seen()
    deployed = hook.deployed(arn)
    assert deployed
    assert not deployed.drifted
    assert deployed.definition == definition()
    for version in {*versions, deployed.version}:
        found = hook.client.describe_state_machine(stateMachineArn=str(version))
        assert json.loads(found["definition"])["States"] == definition()["States"]


def test_old_versions_are_deleted(hook: WorkflowHook, arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "KEPT_VERSIONS", 3)
    versions = [deploy(hook, arn, str(number), f"{number:064x}") for number in range(6)]
    kept = hook.client.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert sorted(item["stateMachineVersionArn"] for item in kept) == sorted(versions[-3:])


def test_the_unchanged_hourly_run_makes_two_calls_and_compiles_nothing(
    monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, tmp_path: Path, seen: Callable[[], None]
) -> None:
    connect(monkeypatch, local_aws)
    # A model of its own: others deploy flight_delay.
    model = tmp_path / "deployed_twice"
    shutil.copytree(PROJECT / "include" / "models" / "flight_delay", model)
    spec = (model / "model.yaml").read_text().replace("name: flight_delay", "name: deployed_twice")
    (model / "model.yaml").write_text(spec)
    operator = DeployWorkflowOperator(task_id="deploy", model_folder=model, aws_conn_id=CONN_ID)
    first = operator.execute(FakeContext("a"))  # type: ignore[arg-type]
    seen()
    monkeypatch.setattr(WorkflowCompiler, "compile", lambda *_: pytest.fail("compiled again"))
    with counted_calls(monkeypatch) as calls:
        again = operator.execute(FakeContext("b"))  # type: ignore[arg-type]
    assert again == first
    assert sum(calls.values()) <= 2, calls
    monkeypatch.undo()
    connect(monkeypatch, local_aws)

    hook = WorkflowHook(aws_conn_id=CONN_ID)
    arn = first["state_machine"].rpartition(":")[0]
    edited = json.loads(hook.client.describe_state_machine(stateMachineArn=arn)["definition"])
    edited["States"]["Train"]["Parameters"]["StoppingCondition"]["MaxRuntimeInSeconds"] = 60
    hook.client.update_state_machine(stateMachineArn=arn, definition=json.dumps(edited))
    seen()
    restored = operator.execute(FakeContext("c"))  # type: ignore[arg-type]
    seen()
    deployed = hook.deployed(arn)
    assert deployed
    assert not deployed.drifted
    assert deployed.version == restored["state_machine"]
    assert (
        deployed.definition["States"]["Train"]["Parameters"]["StoppingCondition"]["MaxRuntimeInSeconds"]
        == 3600
    )


@pytest.mark.usefixtures("hook")
def test_a_missing_stack_is_named() -> None:
    with pytest.raises(StackError, match="there is no CloudFormation stack 'nowhere' in us-east-1"):
        StackHook(aws_conn_id=CONN_ID).read("nowhere")


def test_a_model_that_the_stacks_key_cannot_encrypt_is_not_deployed(
    local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connect(monkeypatch, local_aws)
    model, read = tmp_path / "flight_delay", StackHook.read
    shutil.copytree(PROJECT / "include" / "models" / "flight_delay", model)
    spec = (model / "model.yaml").read_text()
    (model / "model.yaml").write_text(spec.replace("ml.m5.xlarge", "ml.g5.xlarge"))
    monkeypatch.setattr(StackHook, "read", lambda *given: replace(read(*given), kms_key="arn:aws:kms:a-key"))
    monkeypatch.setattr(WorkflowCompiler, "compile", lambda *_: "{}")
    operator = DeployWorkflowOperator(task_id="deploy", model_folder=model, aws_conn_id=CONN_ID)
    with pytest.raises(AirflowFailException, match=r"training.instance_type: ml.g5.xlarge has disks .*a-key"):
        operator.execute(FakeContext("a"))  # type: ignore[arg-type]
