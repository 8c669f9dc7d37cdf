"""Trainings that are begun again, or found to be there already: for want of capacity, after lost replies."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.local_aws.control import NO_CAPACITY, Control
from retraining.hooks.state_machine import StateMachineHook
from tests.integration.airflow_side import CONN_ID
from tests.integration.embedded_aws import PROJECT, LocalAws
from tests.integration.execution.gate_runs import Retrainer
from tests.integration.state_machines import ended

FLIGHT_DELAY = PROJECT / "include" / "models" / "flight_delay"
QUICK: dict[str, Any] = {"hyperparameters": {"num_round": 2}, "threshold": 0.5, "deploy_policy": "never"}


@pytest.fixture
def retrainer(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws) -> Retrainer:
    """Retrains with a state machine that waits for capacity twice, and not long."""
    made, client = Retrainer.deployed(monkeypatch, local_aws, FLIGHT_DELAY), local_aws.client("stepfunctions")
    machine = client.describe_state_machine(stateMachineArn=made.deployment["state_machine"])
    definition = json.loads(machine["definition"])
    if look := definition["States"].get("Look at training"):
        look["Parameters"]["Payload"]["CapacityPauses"] = [1, 0]
    impatient = client.create_state_machine(
        name=f"{local_aws.stack}-{uuid4().hex[:12]}",
        definition=json.dumps(definition),
        roleArn=machine["roleArn"],
    )
    return replace(made, deployment={**made.deployment, "state_machine": impatient["stateMachineArn"]})


def jobs(aws: LocalAws, report: dict[str, Any]) -> dict[str, str]:
    """Statuses of an execution's training jobs, by the number that each one's name ends in."""
    name = report["execution_arn"].rpartition(":")[2]
    found = aws.client("sagemaker").list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    return {job["TrainingJobName"].removeprefix(f"{name}-"): job["TrainingJobStatus"] for job in found}


def test_a_training_without_capacity_is_begun_again_under_another_name(
    retrainer: Retrainer, local_aws: LocalAws, control: Control
) -> None:
    control.no_capacity("*", times=2)
    report = retrainer.retrain(**QUICK)
    assert (report["outcome"], report["error"], report["cause"]) == ("accepted", None, None)
    assert jobs(local_aws, report) == {"0": "Failed", "1": "Failed", "2": "Completed"}
    # Whatever names the training follows: metrics, report, model.
    assert report["training_job"].endswith("-2")
    assert report["capacity_retries"] == 2
    assert report["value"] is not None
    model = local_aws.client("sagemaker").describe_model(ModelName=report["model_name"])
    assert f"/{report['training_job']}/output/" in model["PrimaryContainer"]["ModelDataUrl"]


def test_capacity_is_waited_for_within_bounds_and_a_redrive_trains_anew(
    retrainer: Retrainer, local_aws: LocalAws, control: Control
) -> None:
    control.no_capacity("*", times=3)
    report = retrainer.retrain(**QUICK)
    assert isinstance(report["verdict"], AirflowFailException)
    assert (report["outcome"], report["error"]) == ("failed", "CapacityError")
    assert report["cause"].startswith(NO_CAPACITY)
    assert "begun anew 2 times" in report["cause"]
    assert (report["training_job"][-2:], report["capacity_retries"]) == ("-2", 2)

    hook = StateMachineHook(aws_conn_id=CONN_ID)
    assert hook.redrive(hook.describe_execution(report["execution_arn"]))
    assert json.loads(ended(local_aws, report["execution_arn"])["output"])["Outcome"] == "accepted"
    assert jobs(local_aws, report) == {"0": "Failed", "1": "Failed", "2": "Failed", "3": "Completed"}


@pytest.mark.parametrize("fault", ["fail_reply", "drop_reply"])
def test_a_training_job_whose_creation_got_no_answer_is_waited_for(
    retrainer: Retrainer, local_aws: LocalAws, control: Control, fault: str
) -> None:
    getattr(control, fault)("sagemaker.CreateTrainingJob")
    report = retrainer.retrain(**QUICK)
    assert (report["outcome"], report["error"], report["cause"]) == ("accepted", None, None)
    assert jobs(local_aws, report) == {"0": "Completed"}
    assert report["training_job"].endswith("-0")


def test_a_training_that_fails_for_itself_is_not_begun_again(
    retrainer: Retrainer, local_aws: LocalAws, control: Control
) -> None:
    control.fail_job("sagemaker", "*", "AlgorithmError: this fault was asked for")
    report = retrainer.retrain(**QUICK)
    assert (report["outcome"], report["error"]) == ("failed", "TrainingFailed")
    assert report["cause"] == "AlgorithmError: this fault was asked for"
    assert jobs(local_aws, report) == {"0": "Failed"}
    assert report["capacity_retries"] == 0


def test_a_training_that_sagemaker_refuses_says_so(retrainer: Retrainer, control: Control) -> None:
    control.fail_call("sagemaker.CreateTrainingJob", "ResourceNotFound", 400)
    report = retrainer.retrain(**QUICK)
    assert (report["outcome"], report["error"]) == ("failed", "TrainingRefused")
    assert "This fault was asked for" in report["cause"]


def test_a_job_run_whose_start_got_no_answer_leaves_one_output(
    retrainer: Retrainer, local_aws: LocalAws, control: Control
) -> None:
    control.fail_reply("glue.StartJobRun", "InternalServiceException")
    report = retrainer.retrain(**QUICK)
    assert (report["outcome"], report["error"], report["cause"]) == ("accepted", None, None)
    run = report["execution_arn"].rpartition(":")[2]
    listed = local_aws.client("s3").list_objects_v2(
        Bucket=local_aws.outputs["Bucket"], Prefix=f"runs/{run}/train/"
    )
    assert len(listed["Contents"]) == 1
