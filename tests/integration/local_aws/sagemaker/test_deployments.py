"""Updates of endpoints of the embedded AWS that are watched by alarms, and those that faults befall."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from include.local_aws.control import Control
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.endpoints import HIGH, predict, settled

WHOLE = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}


@pytest.fixture
def alarm(local_aws: LocalAws) -> Iterator[str]:
    """A CloudWatch alarm that is not in ALARM."""
    name, cloudwatch = f"alarm-{uuid4().hex}", local_aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    yield name
    cloudwatch.delete_alarms(AlarmNames=[name])


def ring(aws: LocalAws, alarm: str) -> None:
    aws.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")


def update(aws: LocalAws, endpoint: str, config: str, *alarms: str, bake: int = 0, keep: int = 0) -> None:
    routing = {**WHOLE, "WaitIntervalInSeconds": bake}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": keep}
    watch: dict[str, Any] = {"BlueGreenUpdatePolicy": policy}
    if alarms:
        watch["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": alarm} for alarm in alarms]}
    aws.client("sagemaker").update_endpoint(
        EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=watch
    )


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {
                        "Type": "CANARY",
                        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 51},
                    }
                }
            },
            "CanarySize.Value: 51 must be 1 to 50 percent",
        ),
        (
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {
                        "Type": "LINEAR",
                        "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                    }
                }
            },
            "TrafficRoutingConfiguration.LinearStepSize.Type",
        ),
        (
            {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
                    "WaitIntervalInSeconds": 0,
                }
            },
            "DeploymentConfig.RollingUpdatePolicy",
        ),
        (
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 3601}
                }
            },
            "'3601' at .*[.]waitIntervalInSeconds' failed to satisfy constraint",
        ),
    ],
)
def test_a_deployment_that_cannot_be_done_is_refused(
    local_aws: LocalAws, models: dict[str, str], endpoint: str, config: dict[str, Any], message: str
) -> None:
    routing = config.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration")
    if routing is not None:
        routing |= {key: value for key, value in WHOLE.items() if key not in routing}
    sagemaker = local_aws.client("sagemaker")
    with pytest.raises(ClientError, match=f"ValidationException.*{message}"):
        sagemaker.update_endpoint(
            EndpointName=endpoint, EndpointConfigName=models["opposite"], DeploymentConfig=config
        )
    assert sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"


@pytest.mark.parametrize("wait", ["bake", "keep"])
def test_an_alarm_during_the_bake_brings_the_old_model_back(
    local_aws: LocalAws, models: dict[str, str], endpoint: str, alarm: str, wait: str
) -> None:
    before = predict(local_aws, endpoint, HIGH)
    update(local_aws, endpoint, models["opposite"], "nobody", alarm, **{wait: 60})
    # The new model is what is watched, so that it has to serve.
    until(lambda: predict(local_aws, endpoint, HIGH) != before)
    described = local_aws.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("Updating", models["model"])

    ring(local_aws, alarm)

    described = settled(local_aws, endpoint)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", models["model"])
    assert alarm in described["FailureReason"]
    assert "nobody" not in described["FailureReason"]
    assert predict(local_aws, endpoint, HIGH) == before


@pytest.mark.parametrize(
    ("kind", "size"), [("CANARY", "CanarySize"), pytest.param("LINEAR", "LinearStepSize")]
)
def test_traffic_shifts_in_steps_and_an_alarm_brings_all_of_it_back(
    local_aws: LocalAws, models: dict[str, str], endpoint: str, alarm: str, kind: str, size: str
) -> None:
    before = predict(local_aws, endpoint, HIGH)
    routing = {
        "Type": kind,
        size: {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": 60,
    }
    local_aws.client("sagemaker").update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=models["opposite"],
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
        },
    )
    # Both fleets answer.
    until(lambda: predict(local_aws, endpoint, HIGH) != before)
    until(lambda: predict(local_aws, endpoint, HIGH) == before)
    ring(local_aws, alarm)
    assert settled(local_aws, endpoint)["EndpointConfigName"] == models["model"]
    assert {tuple(predict(local_aws, endpoint, HIGH)) for _ in range(20)} == {tuple(before)}


def test_traffic_that_has_shifted_is_all_the_new_models(
    local_aws: LocalAws, models: dict[str, str], endpoint: str
) -> None:
    before = predict(local_aws, endpoint, HIGH)
    size = {"Type": "CAPACITY_PERCENT", "Value": 30}
    routing = {"Type": "LINEAR", "LinearStepSize": size, "WaitIntervalInSeconds": 0}
    local_aws.client("sagemaker").update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=models["opposite"],
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}},
    )
    assert settled(local_aws, endpoint)["EndpointConfigName"] == models["opposite"]
    assert before not in [predict(local_aws, endpoint, HIGH) for _ in range(20)]


def test_an_alarm_that_rings_already_ends_an_update_that_is_not_baked(
    local_aws: LocalAws, models: dict[str, str], endpoint: str, alarm: str
) -> None:
    ring(local_aws, alarm)
    update(local_aws, endpoint, models["opposite"], alarm)
    described = settled(local_aws, endpoint)
    assert described["EndpointConfigName"] == models["model"]
    assert alarm in described["FailureReason"]


def test_an_update_is_updating_for_its_bake_and_done_when_no_alarm_rang(
    local_aws: LocalAws, models: dict[str, str], endpoint: str, alarm: str
) -> None:
    began = time.monotonic()
    update(local_aws, endpoint, models["opposite"], alarm, bake=1, keep=1)
    described = settled(local_aws, endpoint)
    assert time.monotonic() - began >= 2
    assert described["EndpointConfigName"] == models["opposite"]
    assert "FailureReason" not in described
    rollback = described["LastDeploymentConfig"]["AutoRollbackConfiguration"]
    assert rollback == {"Alarms": [{"AlarmName": alarm}]}


def test_a_deployment_fails_when_a_fault_wants_it_to(
    local_aws: LocalAws, control: Control, models: dict[str, str], endpoint: str
) -> None:
    control.fail_deployment(endpoint, "no capacity")
    update(local_aws, endpoint, models["opposite"])
    described = settled(local_aws, endpoint)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", models["model"])
    assert "no capacity" in described["FailureReason"]
    update(local_aws, endpoint, models["opposite"])
    assert settled(local_aws, endpoint)["EndpointConfigName"] == models["opposite"]


def test_a_call_takes_effect_late_if_it_says_what_the_fault_looks_for(
    local_aws: LocalAws, control: Control, models: dict[str, str], endpoint: str
) -> None:
    control.delay_call("sagemaker.UpdateEndpoint", 1.5, contains=models["opposite"])
    began = time.monotonic()
    update(local_aws, endpoint, models["model"])
    settled(local_aws, endpoint)
    assert time.monotonic() - began < 1.5
    began = time.monotonic()
    update(local_aws, endpoint, models["opposite"])
    assert time.monotonic() - began >= 1.5
    assert settled(local_aws, endpoint)["EndpointConfigName"] == models["opposite"]


def test_one_endpoint_serves_with_an_error_and_others_do_not(
    local_aws: LocalAws, control: Control, endpoint: str
) -> None:
    control.fail_call("sagemaker-runtime.InvokeEndpoint", "ModelError", 424, contains="/another/")
    predict(local_aws, endpoint, HIGH)
    control.fail_call("sagemaker-runtime.InvokeEndpoint", "ModelError", 424, contains=f"/{endpoint}/")
    with pytest.raises(ClientError, match="ModelError"):
        predict(local_aws, endpoint, HIGH)
    predict(local_aws, endpoint, HIGH)


def test_an_alarm_on_what_the_endpoint_answers_rolls_back(
    local_aws: LocalAws, models: dict[str, str], endpoint: str
) -> None:
    cloudwatch, name = local_aws.client("cloudwatch"), f"refusals-{uuid4().hex}"
    predict(local_aws, endpoint, HIGH)
    (metric,) = cloudwatch.list_metrics(
        Namespace="AWS/SageMaker",
        MetricName="Invocation4XXErrors",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}],
    )["Metrics"]
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        **{**metric, "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1},
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert alarm["StateValue"] == "OK"
    update(local_aws, endpoint, models["opposite"], name, bake=60)
    with pytest.raises(ClientError, match="ModelError"):
        predict(local_aws, endpoint, "not a number")
    described = settled(local_aws, endpoint)
    assert described["EndpointConfigName"] == models["model"]
    assert name in described["FailureReason"]
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    lines = local_aws.client("logs").filter_log_events(logGroupName=group)["events"]
    assert [line["message"].split('"')[2].split()[0] for line in lines] == ["200", "415"]
    cloudwatch.delete_alarms(AlarmNames=[name])
