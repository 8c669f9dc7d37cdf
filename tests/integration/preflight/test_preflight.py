"""Preflight against an account: what is missing is named, what cannot be looked at is no problem."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from include.local_aws.control import Control
from retraining.model.folders import load_spec
from retraining.model.spec import ModelSpec
from retraining.preflight.aws.account import PreflightHook
from retraining.preflight.findings import Finding, State
from tests.integration.airflow_side import CONN_ID, connect
from tests.integration.embedded_aws import PROJECT, STACK_NAME, LocalAws

FLIGHT_DELAY = PROJECT / "include" / "models" / "flight_delay"


@pytest.fixture
def spec() -> ModelSpec:
    return load_spec(FLIGHT_DELAY)


@pytest.fixture
def hook(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> PreflightHook:
    connect(monkeypatch, local_aws)
    return PreflightHook(aws_conn_id=CONN_ID)


def states(found: list[Finding]) -> list[tuple[str, State]]:
    return [(finding.what, finding.state) for finding in found]


def answer(monkeypatch: pytest.MonkeyPatch, operation: str, reply: dict[str, Any] | str) -> None:
    """Answer one operation as AWS might: with a reply, or with an error code."""
    make = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, name: str, parameters: dict[str, Any]) -> Any:
        if name != operation:
            return make(client, name, parameters)
        if isinstance(reply, str):
            raise ClientError({"Error": {"Code": reply, "Message": "so it is"}}, name)
        return reply

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


def test_a_stack_that_works_is_fine(hook: PreflightHook, spec: ModelSpec) -> None:
    assert states(list(hook.look(spec, STACK_NAME))) == [
        ("credentials", State.FINE),
        ("stack", State.FINE),
        ("role", State.FINE),
        ("role", State.FINE),
        ("Glue job", State.FINE),
        ("function", State.FINE),
        ("function", State.FINE),
        ("function", State.FINE),
        ("deployments", State.FINE),
        ("data", State.FINE),
        # Of training and of serving; the account has none of its own.
        ("quota", State.FINE),
        ("quota", State.FINE),
    ]


def test_a_partition_that_is_no_date_stops_nothing(
    hook: PreflightHook, spec: ModelSpec, local_aws: LocalAws
) -> None:
    """Hive and Spark put rows without a date there."""
    at = {"Bucket": local_aws.outputs["Bucket"]}
    at["Key"] = f"data/{spec.dataset}/date=__HIVE_DEFAULT_PARTITION__/a.parquet"
    local_aws.client("s3").put_object(**at, Body=b"")
    try:
        found = {finding.what: finding for finding in hook.look(spec, STACK_NAME)}
    finally:
        local_aws.client("s3").delete_object(**at)
    assert found["data"].state is State.FINE
    assert "__HIVE_DEFAULT_PARTITION__" in found["data"].detail


def test_no_aws_is_one_problem(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = LocalAws("http://127.0.0.1:9", 0, Path())
    connect(monkeypatch, nobody)
    (found,) = PreflightHook(aws_conn_id=CONN_ID, config={"retries": {"total_max_attempts": 1}}).look(
        spec, STACK_NAME
    )
    assert (found.what, found.state) == ("credentials", State.PROBLEM)
    assert "cannot be reached" in found.detail
    assert CONN_ID in found.todo


def test_no_stack_is_said_with_its_region(hook: PreflightHook, spec: ModelSpec) -> None:
    found = list(hook.look(spec, "another-stack"))
    assert states(found) == [
        ("credentials", State.FINE),
        ("stack", State.PROBLEM),
        ("quota", State.FINE),
        ("quota", State.FINE),
    ]
    assert found[1].detail == "there is no stack 'another-stack' in us-east-1"


@pytest.mark.parametrize(
    ("operation", "code", "what"),
    [
        ("GetRole", "NoSuchEntity", "role"),
        ("GetJob", "EntityNotFoundException", "Glue job"),
        ("GetFunctionConfiguration", "ResourceNotFoundException", "function"),
        ("DescribeTable", "ResourceNotFoundException", "deployments"),
        ("ListObjectsV2", "NoSuchBucket", "data"),
    ],
)
def test_what_is_gone_is_a_problem_and_hides_no_other(
    hook: PreflightHook,
    spec: ModelSpec,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    code: str,
    what: str,
) -> None:
    answer(monkeypatch, operation, code)
    found = list(hook.look(spec, STACK_NAME))
    problems = {finding.what for finding in found if finding.state is State.PROBLEM}
    assert problems == {what}
    assert len(found) == 12


def test_what_may_not_be_looked_at_is_unknown(
    hook: PreflightHook, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "GetRole", "AccessDenied")
    roles = [finding for finding in hook.look(spec, STACK_NAME) if finding.what == "role"]
    assert [finding.state for finding in roles] == [State.UNKNOWN] * 2
    assert all("AirflowPolicyArn" in finding.todo for finding in roles)


def test_a_function_that_failed_to_update_says_why(
    hook: PreflightHook, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = {"State": "Active", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no such key"}
    answer(monkeypatch, "GetFunctionConfiguration", reply)
    functions = [finding for finding in hook.look(spec, STACK_NAME) if finding.what == "function"]
    assert all(finding.state is State.PROBLEM and "no such key" in finding.detail for finding in functions)


def test_quotas_are_read_where_there_are_some(
    hook: PreflightHook, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    quotas = [
        {"QuotaName": "ml.m5.xlarge for training job usage", "Value": 0.0},
        {"QuotaName": "ml.m5.large for endpoint usage", "Value": 4.0},
    ]
    answer(monkeypatch, "ListServiceQuotas", {"Quotas": quotas})
    found = [finding for finding in hook.look(spec, STACK_NAME) if finding.what == "quota"]
    assert [finding.state for finding in found] == [State.PROBLEM, State.FINE]


def test_a_quota_that_the_account_has_not_of_its_own_is_awss_default(
    hook: PreflightHook, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    quotas = [{"QuotaName": "ml.m5.xlarge for training job usage", "Value": 0.0}]
    answer(monkeypatch, "ListServiceQuotas", {"Quotas": quotas})
    training, serving = (finding for finding in hook.look(spec, STACK_NAME) if finding.what == "quota")
    assert training.state is State.PROBLEM
    assert (serving.state, serving.detail) == (State.FINE, "ml.m5.large for endpoint usage: 20")


def test_a_dataset_without_rows_is_a_problem(hook: PreflightHook, spec: ModelSpec) -> None:
    other = spec.model_copy(update={"dataset": "voyages"})
    found = {finding.what: finding for finding in hook.look(other, STACK_NAME)}
    assert found["data"].state is State.PROBLEM
    assert "data/voyages/date=*" in found["data"].detail


@pytest.mark.parametrize(("stack", "code"), [(STACK_NAME, 0), ("another-stack", 1)])
def test_the_command_ends_with_1_when_there_is_a_problem(
    local_aws: LocalAws,
    control: Control,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    stack: str,
    code: int,
) -> None:
    connect(monkeypatch, local_aws)
    done = subprocess.run(
        [sys.executable, "-m", "retraining.preflight", "flight_delay"],
        env=os.environ
        | {
            "PYTHONPATH": str(PROJECT / "plugins"),
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__RETRAINING__AWS_CONN_ID": CONN_ID,
            "AIRFLOW__RETRAINING__STACK_NAME": stack,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "== flight_delay"
    assert any(line.startswith("SDK interpreter  fine") for line in lines)
    # Airflow has no database there.
    assert any(line.startswith("pool ") and "unknown" in line for line in lines)
    assert "credentials retrieved" not in done.stdout + done.stderr
