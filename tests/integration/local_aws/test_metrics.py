"""CloudWatch of the embedded AWS: services tell of themselves, and alarms are what their metrics say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from include.local_aws.control import Control
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.local_aws.lambda_.lambda_functions import deployed, invoked
from tests.integration.local_aws.queues import Queue
from tests.integration.state_machines import create_machine, ended, start

FAIL = {"Type": "Fail", "Error": "SomeFailure"}
HOUR = 3600

PutAlarm = Callable[..., str]


@pytest.fixture
def put_alarm(local_aws: LocalAws) -> Iterator[PutAlarm]:
    """Makes an alarm on a metric of its own, by whose namespace it is named."""
    cloudwatch, names = local_aws.client("cloudwatch"), []

    def put(**changes: Any) -> str:
        name = f"alarm-{uuid4().hex}"
        names.append(name)
        cloudwatch.put_metric_alarm(
            **{
                "AlarmName": name,
                "Namespace": name,
                "MetricName": "errors",
                "Dimensions": [{"Name": "of", "Value": "me"}],
                "Statistic": "Sum",
                "Period": HOUR,
                "EvaluationPeriods": 1,
                "Threshold": 2,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                **changes,
            }
        )
        return name

    yield put
    cloudwatch.delete_alarms(AlarmNames=names)


def _add(aws: LocalAws, namespace: str, *values: float, of: str = "me") -> None:
    data = [
        {"MetricName": "errors", "Value": value, "Dimensions": [{"Name": "of", "Value": of}]}
        for value in values
    ]
    aws.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)


def _state(aws: LocalAws, alarm: str) -> str:
    (found,) = aws.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    return str(found["StateValue"])


def _total(
    aws: LocalAws, namespace: str, metric: str, dimensions: dict[str, str], stat: str = "Sum"
) -> float:
    now = datetime.now(UTC)
    found = aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        # The clock of other tests may be ahead.
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(days=30),
        Period=40 * 24 * HOUR,
        Statistics=[stat],
    )
    return sum(float(point[stat]) for point in found["Datapoints"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "tells topics of SNS only"),
        ({"TreatMissingData": "never"}, "Option never is not supported"),
    ],
)
def test_an_alarm_that_would_do_nothing_is_refused(
    put_alarm: PutAlarm, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClientError, match=reason):
        put_alarm(**changes)


@pytest.mark.parametrize(
    ("service", "operation", "request_"),
    [
        (
            "application-autoscaling",
            "register_scalable_target",
            {
                "ServiceNamespace": "sagemaker",
                "ResourceId": "endpoint/x/variant/AllTraffic",
                "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            },
        ),
        (
            "scheduler",
            "create_schedule",
            {
                "Name": "x",
                "ScheduleExpression": "rate(1 hour)",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {
                    "Arn": "arn:aws:sqs:us-east-1:123456789012:x",
                    "RoleArn": "arn:aws:iam::123456789012:role/x",
                },
            },
        ),
    ],
)
def test_what_nothing_would_act_on_is_refused(
    local_aws: LocalAws, service: str, operation: str, request_: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match=f"does not support {service}:"):
        getattr(local_aws.client(service), operation)(**request_)


@pytest.mark.parametrize(
    ("treatment", "state"),
    [
        (None, "INSUFFICIENT_DATA"),
        ("missing", "INSUFFICIENT_DATA"),
        ("notBreaching", "OK"),
        ("breaching", "ALARM"),
    ],
)
def test_without_data_the_state_is_what_missing_data_is_taken_for(
    local_aws: LocalAws, put_alarm: PutAlarm, treatment: str | None, state: str
) -> None:
    given = {"TreatMissingData": treatment} if treatment else {}
    assert _state(local_aws, put_alarm(**given)) == state


def test_an_alarm_goes_off_when_its_metric_is_beyond_the_threshold(
    local_aws: LocalAws, put_alarm: PutAlarm
) -> None:
    # Metrics and alarms go by one clock, wherever it was put.
    Control(local_aws.endpoint_url).put_clock_forward(2 * HOUR)
    alarm = put_alarm()
    _add(local_aws, alarm, 9, of="another")
    assert _state(local_aws, alarm) == "INSUFFICIENT_DATA"
    _add(local_aws, alarm, 1)
    assert _state(local_aws, alarm) == "OK"
    _add(local_aws, alarm, 1)
    assert _state(local_aws, alarm) == "ALARM"


def test_as_many_periods_have_to_be_beyond_it_as_are_asked_for(
    local_aws: LocalAws, put_alarm: PutAlarm
) -> None:
    control = Control(local_aws.endpoint_url)
    alarm = put_alarm(EvaluationPeriods=3, DatapointsToAlarm=2, TreatMissingData="notBreaching")
    now = datetime.fromisoformat(control.ask("GET", "clock")["now"])
    datum = {"MetricName": "errors", "Value": 5, "Dimensions": [{"Name": "of", "Value": "me"}]}
    for hours, state in ((2.5, "OK"), (0.5, "ALARM")):
        at = now - timedelta(hours=hours)
        local_aws.client("cloudwatch").put_metric_data(
            Namespace=alarm, MetricData=[{**datum, "Timestamp": at}]
        )
        assert _state(local_aws, alarm) == state


def test_a_topic_is_told_of_an_alarm_and_of_its_end(local_aws: LocalAws, put_alarm: PutAlarm) -> None:
    sns, queue = local_aws.client("sns"), Queue(local_aws)
    topic = sns.create_topic(Name=f"topic-{uuid4().hex}")["TopicArn"]
    queue.let_in(topic, "sns.amazonaws.com")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    # AWS's period of an alarm is a minute at least; here the clock is put forward.
    alarm = put_alarm(AlarmActions=[topic], OKActions=[topic], TreatMissingData="notBreaching")
    control = Control(local_aws.endpoint_url)
    now = datetime.fromisoformat(control.ask("GET", "clock")["now"])
    datum = {
        "MetricName": "errors",
        "Value": 5,
        "Dimensions": [{"Name": "of", "Value": "me"}],
        "Timestamp": now,
    }
    local_aws.client("cloudwatch").put_metric_data(Namespace=alarm, MetricData=[datum])

    def states() -> list[str]:
        contents = [json.loads(event["Message"]) for event in queue.events()]
        assert {content["AlarmName"] for content in contents} <= {alarm}
        return [content["NewStateValue"] for content in contents]

    # Nobody has to ask for its state.
    until(lambda: "ALARM" in states())
    control.put_clock_forward(HOUR)
    until(lambda: states()[-1] == "OK")
    assert set(states()) == {"ALARM", "OK"}


def test_calls_of_a_function_are_counted(local_aws: LocalAws) -> None:
    name = deployed(local_aws, "def handler(event, context):\n  return 1 / event['by']")
    for by in (1, 0):
        invoked(local_aws, name, {"by": by})
    of = {"FunctionName": name}
    assert _total(local_aws, "AWS/Lambda", "Invocations", of) == 2
    assert _total(local_aws, "AWS/Lambda", "Errors", of) == 1
    assert _total(local_aws, "AWS/Lambda", "Duration", of, "SampleCount") == 2


def test_executions_are_counted(local_aws: LocalAws) -> None:
    machine = create_machine(local_aws, FAIL)
    for _ in range(2):
        ended(local_aws, start(local_aws, machine))
    of = {"StateMachineArn": machine}
    counts = {
        name: _total(local_aws, "AWS/States", f"Executions{name}", of)
        for name in ("Started", "Failed", "Succeeded", "Aborted", "TimedOut")
    }
    assert counts == {"Started": 2, "Failed": 2, "Succeeded": 0, "Aborted": 0, "TimedOut": 0}
    assert _total(local_aws, "AWS/States", "ExecutionTime", of, "SampleCount") == 2
