"""Deployments that meet, fail or are refused never leave an older or a broken model in front of users."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import TaskDeferred

from include.local_aws.control import Control
from retraining.sensors.execution import ExecutionSensor
from retraining.triggers.execution import ExecutionTrigger
from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.deployment.deployments import Deployer, deploy_workflow
from tests.integration.embedded_aws import PROJECT, LocalAws, until
from tests.integration.endpoints import settled
from tests.integration.state_machines import event_types

DENIED = "is not authorized to perform"
INVOKE = "sagemaker-runtime.InvokeEndpoint"
FLIGHT_DELAY = PROJECT / "include" / "models" / "flight_delay"


@pytest.fixture(scope="module")
def artifact(local_aws: LocalAws, models: dict[str, str]) -> str:
    model = local_aws.client("sagemaker").describe_model(ModelName=models["model"])
    return str(model["PrimaryContainer"]["ModelDataUrl"])


@pytest.fixture
def deployer(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, artifact: str) -> Deployer:
    connect(monkeypatch, local_aws)
    return Deployer.of(local_aws, deploy_workflow(FLIGHT_DELAY), artifact)


def deny(control: Control, operation: str, contains: str = "") -> None:
    control.fail_call(operation, "AccessDeniedException", 400, times=None, contains=contains, message=DENIED)


def updating(deployer: Deployer) -> bool:
    status = deployer.aws.client("sagemaker").describe_endpoint(EndpointName=deployer.endpoint)
    return bool(status["EndpointStatus"] == "Updating")


def test_an_older_interval_is_stale_and_changes_nothing(deployer: Deployer, control: Control) -> None:
    assert deployer.deploy(5) == "deployed"
    control.reset_requests()
    assert deployer.deploy(4) == "stale"
    assert "sagemaker.UpdateEndpoint" not in control.requests().counts
    assert deployer.served_hour == 5


def test_the_same_interval_and_a_newer_one_are_deployed(deployer: Deployer) -> None:
    assert [deployer.deploy(hour) for hour in (5, 5, 6)] == ["deployed"] * 3
    assert deployer.served_hour == 6


def test_force_deploys_whatever_is_served_and_is_what_the_next_is_compared_with(deployer: Deployer) -> None:
    assert deployer.deploy(5) == "deployed"
    assert deployer.deploy(3, policy="force") == "deployed"
    assert deployer.served_hour == 3
    assert deployer.deploy(4) == "deployed"


def test_an_update_in_progress_is_waited_out(deployer: Deployer, control: Control) -> None:
    deployer.deploy(1)
    control.delay_deployment(deployer.endpoint, 3, times=1)
    first = deployer.start(2)
    until(lambda: updating(deployer))
    older, newer = deployer.start(1), deployer.start(3)
    assert deployer.outcome(older) == "stale"
    assert deployer.outcome(newer) == "deployed"
    # It had been deployed, and was replaced before it could see that; or it saw it.
    assert deployer.outcome(first) in ("deployed", "stale")
    assert deployer.served_hour == 3


def test_who_has_the_claim_is_waited_for(deployer: Deployer, control: Control) -> None:
    """Between the decision and the update that it led to, nobody else deploys."""
    deployer.deploy(1)
    control.delay_call("sagemaker.UpdateEndpoint", 6, times=1, contains="h2-")
    late = deployer.start(2)
    until(lambda: not control.faults(), explain=control.faults)
    assert deployer.deploy(3) == "deployed"
    assert deployer.outcome(late) == "deployed"
    assert deployer.served_hour == 3


def test_an_update_that_comes_after_its_execution_was_stopped_is_undone_by_the_next(
    deployer: Deployer, control: Control
) -> None:
    deployer.deploy(1)
    control.delay_call("sagemaker.UpdateEndpoint", 6, times=1, contains="h2-")
    late = deployer.start(2)
    until(lambda: not control.faults(), explain=control.faults)
    deployer.aws.client("stepfunctions").stop_execution(executionArn=late)
    assert deployer.deploy(3) == "deployed"
    until(lambda: deployer.served_hour == 2)
    assert deployer.deploy(1) == "stale"
    assert deployer.served_hour == 3


@pytest.mark.heavy
def test_what_a_stopped_execution_has_left_is_put_right_by_another(
    deployer: Deployer, control: Control
) -> None:
    """Its model is in service, and was not tested yet; nobody else deploys."""
    deployer.deploy(1)
    control.delay_call(INVOKE, 20, times=1, contains=deployer.endpoint)
    stopped = deployer.start(2)
    until(lambda: not control.faults(), explain=control.faults)
    assert deployer.served_hour == 2
    deployer.aws.client("stepfunctions").stop_execution(executionArn=stopped)
    until(lambda: deployer.served_hour == 1, 150)


def test_two_that_create_the_endpoint_at_once_end_with_the_newer(deployer: Deployer) -> None:
    executions = [deployer.start(hour) for hour in (1, 2)]
    assert deployer.outcome(executions[1]) == "deployed"
    assert deployer.outcome(executions[0]) in ("deployed", "stale")
    assert deployer.served_hour == 2


def test_a_failed_update_fails_with_awss_reason_and_the_old_model_stays(
    deployer: Deployer, control: Control
) -> None:
    deployer.deploy(1)
    control.fail_deployment(deployer.endpoint, "no capacity for ml.m5.large")
    outcome = deployer.deploy(5)
    assert outcome.startswith("EndpointDeploymentFailed: ")
    assert "no capacity for ml.m5.large" in outcome
    assert deployer.served_hour == 1
    # What failed is not what later runs are compared with.
    assert deployer.deploy(2) == "deployed"


def test_a_model_that_cannot_be_loaded_is_taken_back(deployer: Deployer) -> None:
    deployer.deploy(1)
    outcome = deployer.deploy(2, artifact=deployer.no_archive())
    assert "could not be loaded" in outcome
    assert deployer.served_hour == 1


def test_a_failed_creation_is_cleared_away_by_the_next_run(deployer: Deployer, control: Control) -> None:
    control.fail_deployment(deployer.endpoint, "no capacity")
    assert "no capacity" in deployer.deploy(5)
    assert settled(deployer.aws, deployer.endpoint)["EndpointStatus"] == "Failed"
    assert deployer.deploy(4) == "deployed"


def test_a_model_that_does_not_predict_gives_the_endpoint_back(deployer: Deployer, control: Control) -> None:
    deployer.deploy(1)
    control.fail_call(INVOKE, "ModelError", 424, times=None, contains=deployer.endpoint)
    outcome = deployer.deploy(2)
    assert outcome.startswith("EndpointDeploymentFailed: ")
    assert "ModelError" in outcome
    assert deployer.served_hour == 1
    control.clear_faults()
    assert deployer.deploy(2) == "deployed"


@pytest.mark.heavy
def test_two_broken_models_in_a_row_give_the_endpoint_back_to_the_one_that_was_proven(
    deployer: Deployer, control: Control
) -> None:
    """The second one claims the endpoint from the first, and must not give it back to that."""
    deployer.deploy(1)
    control.fail_call(INVOKE, "ModelError", 424, times=None, contains=deployer.endpoint)
    first, second = deployer.start(2), deployer.start(3)
    assert "ModelError" in deployer.outcome(first) or deployer.outcome(first) == "stale"
    assert "ModelError" in deployer.outcome(second)
    assert deployer.served_hour == 1
    control.clear_faults()
    assert deployer.deploy(2) == "deployed"


def test_a_model_that_was_never_tested_is_not_what_a_failed_update_falls_back_to(
    deployer: Deployer, control: Control
) -> None:
    """Hour 2's does not predict, and hour 3's, which claims the endpoint meanwhile, cannot be loaded."""
    deployer.deploy(1)
    control.fail_call(INVOKE, "ModelError", 424, times=None, contains=deployer.endpoint)
    control.delay_deployment(deployer.endpoint, 8, times=1)
    untested = deployer.start(2)
    until(lambda: updating(deployer))
    broken = deployer.start(3, artifact=deployer.no_archive())
    assert "ModelError" in deployer.outcome(untested)
    assert "could not be loaded" in deployer.outcome(broken)
    assert deployer.served_hour == 1


def test_a_failed_update_does_not_bring_back_a_claim_that_was_never_deployed(
    deployer: Deployer, control: Control
) -> None:
    deployer.deploy(1)
    # The first look asks whose it is.
    control.delay_call("sagemaker.DescribeEndpoint", 4, times=2)
    first = deployer.start(2)
    until(lambda: not control.faults(), explain=control.faults)
    control.fail_deployment(deployer.endpoint, "no capacity")
    assert "no capacity" in deployer.deploy(3)
    assert deployer.outcome(first) in ("deployed", "stale")
    assert deployer.deploy(2) == "deployed"
    assert deployer.served_hour == 2


def test_an_endpoint_that_others_deployed_to_goes_back_to_what_it_served(
    deployer: Deployer, control: Control, models: dict[str, str]
) -> None:
    sagemaker = deployer.aws.client("sagemaker")
    sagemaker.create_endpoint(EndpointName=deployer.endpoint, EndpointConfigName=models["model"])
    settled(deployer.aws, deployer.endpoint)
    control.fail_call(INVOKE, "ModelError", 424, times=None, contains=deployer.endpoint)
    assert "ModelError" in deployer.deploy(2)
    assert settled(deployer.aws, deployer.endpoint)["EndpointConfigName"] == models["model"]


def test_a_creation_that_is_refused_fails_with_awss_reason(deployer: Deployer, control: Control) -> None:
    control.fail_call("sagemaker.CreateEndpoint", "AccessDeniedException", 400, times=None)
    outcome = deployer.deploy(1)
    assert outcome.startswith("EndpointDeploymentFailed: ")
    assert "AccessDeniedException" in outcome
    control.clear_faults()
    assert deployer.deploy(1) == "deployed"


def test_an_endpoint_that_cannot_be_put_back_is_said_to_be_so(deployer: Deployer, control: Control) -> None:
    deployer.deploy(1)
    control.fail_call(INVOKE, "ModelError", 424, times=None, contains=deployer.endpoint)
    deny(control, "sagemaker.UpdateEndpoint", contains="h1-")
    outcome = deployer.deploy(2)
    assert "ModelError" in outcome
    assert DENIED in outcome
    assert "could not be put back" in outcome
    assert deployer.served_hour == 2
    control.clear_faults()
    assert deployer.deploy(0) == "stale"
    assert deployer.served_hour == 1


def test_what_failed_to_deploy_is_deployed_when_the_wait_is_tried_again(
    deployer: Deployer, control: Control
) -> None:
    """Without training again, and under its own name."""
    deployer.deploy(1)
    control.fail_deployment(deployer.endpoint, "no capacity")
    failed = deployer.start(2)
    assert "no capacity" in deployer.outcome(failed)
    wait = ExecutionSensor(task_id="wait", execution_arn=failed, retries=1, aws_conn_id=CONN_ID)
    end = {"execution_arn": failed, "status": "FAILED", "ended_before": True, "redriven": False}
    with pytest.raises(TaskDeferred) as deferred:
        wait.execute_complete(FakeContext("manual__1", try_number=2, max_tries=1), end)  # type: ignore[arg-type]
    assert isinstance(deferred.value.trigger, ExecutionTrigger)
    assert deferred.value.trigger.execution_arn == failed
    assert deployer.outcome(failed) == "deployed"
    assert deployer.served_hour == 2


@pytest.mark.parametrize(
    ("operation", "code", "status"),
    [
        ("sagemaker.UpdateEndpoint", "ThrottlingException", 400),
        pytest.param("sagemaker.UpdateEndpoint", "ResourceLimitExceeded", 400, marks=pytest.mark.heavy),
        pytest.param("sagemaker.DescribeEndpoint", "ThrottlingException", 400, marks=pytest.mark.heavy),
        ("sagemaker.CreateEndpointConfig", "ThrottlingException", 400),
        pytest.param("dynamodb.PutItem", "ThrottlingException", 400, marks=pytest.mark.heavy),
        ("dynamodb.GetItem", "InternalServerError", 500),
        ("lambda.Invoke", "TooManyRequestsException", 429),
    ],
)
def test_busy_services_are_waited_out(
    deployer: Deployer, control: Control, operation: str, code: str, status: int
) -> None:
    deployer.deploy(1)
    # What SageMaker's SDK integrations say of an error is its message.
    message = "Rate exceeded" if code == "ThrottlingException" else None
    control.fail_call(operation, code, status, times=2, message=message)
    assert deployer.deploy(2) == "deployed"
    assert not control.faults()
    assert deployer.served_hour == 2


def test_what_sagemaker_refuses_for_good_fails_at_once(deployer: Deployer, control: Control) -> None:
    deployer.deploy(1)
    deny(control, "sagemaker.UpdateEndpoint")
    execution = deployer.start(2)
    assert DENIED in deployer.outcome(execution)
    assert "WaitStateEntered" not in event_types(deployer.aws, execution)
    control.clear_faults()
    assert deployer.served_hour == 1
    assert deployer.deploy(2) == "deployed"


def test_an_alarm_that_goes_off_rolls_back(deployer: Deployer, tmp_path: Path) -> None:
    alarm, cloudwatch = f"errors-{deployer.endpoint}", deployer.aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    content: dict[str, Any] = yaml.safe_load((FLIGHT_DELAY / "model.yaml").read_text())
    content["name"] = "watched"
    content["serving"] |= {"bake_seconds": 1, "alarms": [alarm]}
    folder = tmp_path / "watched"
    folder.mkdir()
    (folder / "model.yaml").write_text(yaml.safe_dump(content))
    (folder / "transform.sql").write_text((FLIGHT_DELAY / "transform.sql").read_text())
    watched = Deployer.of(deployer.aws, deploy_workflow(folder), deployer.artifact)
    assert [watched.deploy(hour) for hour in (1, 2)] == ["deployed", "deployed"]
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
    outcome = watched.deploy(3)
    assert alarm in outcome
    assert watched.served_hour == 2
    # The way back is not barred by what makes a person take it.
    assert watched.deploy(1, policy="force") == "deployed"
    assert watched.served_hour == 1
