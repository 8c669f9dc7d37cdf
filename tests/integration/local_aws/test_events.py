"""EventBridge of the embedded AWS: what happens reaches the targets of rules, and schedules go off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from include.local_aws.control import Control
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.local_aws.lambda_.lambda_functions import deployed
from tests.integration.local_aws.queues import Queue
from tests.integration.sagemaker_requests import trained, training_request
from tests.integration.state_machines import create_machine, ended, start

FAIL = {"Type": "Fail", "Error": "SomeFailure", "Cause": "on purpose"}
SUCCEED = {"Type": "Succeed"}
HOUR = 3600


@pytest.fixture
def queue(local_aws: LocalAws) -> Queue:
    return Queue(local_aws)


@pytest.fixture(scope="module")
def starter(local_aws: LocalAws) -> str:
    """A role that EventBridge can take, and start executions with."""
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam, name = local_aws.client("iam"), f"starter-{uuid4().hex}"
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]
    may = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_role_policy(RoleName=name, PolicyName="start", PolicyDocument=policy)
    return str(role["Arn"])


PutRule = Callable[..., str]


@pytest.fixture
def put_rule(local_aws: LocalAws) -> Iterator[PutRule]:
    """Makes a rule with one target, which is gone after the test."""
    events, names = local_aws.client("events"), []

    def put(rule: dict[str, Any], target: dict[str, Any]) -> str:
        name = f"rule-{uuid4().hex}"
        names.append(name)
        if "EventPattern" in rule:
            rule = {**rule, "EventPattern": json.dumps(rule["EventPattern"])}
        events.put_rule(Name=name, **rule)
        events.put_targets(Rule=name, Targets=[{"Id": "target", **target}])
        return name

    yield put
    for name in names:
        events.remove_targets(Rule=name, Ids=["target"])
        events.delete_rule(Name=name)


def _put(aws: LocalAws, source: str, **detail: Any) -> dict[str, Any]:
    entry = {"Source": source, "DetailType": "test", "Detail": json.dumps(detail)}
    (answer,) = aws.client("events").put_events(Entries=[entry])["Entries"]
    return dict(answer)


def _refused(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**request)
    return str(refused.value)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ({"Arn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/x"}, "the embedded AWS sends to"),
        ({"Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:x"}, "RoleArn is required for target"),
        (
            {"Arn": "arn:aws:sqs:us-east-1:123456789012:x", "Input": "{}", "InputPath": "$"},
            "Only one of Input, InputPath, or InputTransformer must be provided for target target.",
        ),
        (
            {
                "Arn": "arn:aws:sqs:us-east-1:123456789012:x",
                "InputTransformer": {"InputPathsMap": {"a": "$.id"}, "InputTemplate": '"<b>"'},
            },
            "InputTemplate for target target contains invalid placeholder b.",
        ),
        (
            {"Arn": "arn:aws:sqs:us-east-1:123456789012:x", "DeadLetterConfig": {"Arn": "arn:x"}},
            "does not support DeadLetterConfig",
        ),
    ],
)
def test_a_target_that_would_not_be_reached_is_refused(
    local_aws: LocalAws, put_rule: PutRule, target: dict[str, Any], reason: str
) -> None:
    assert reason in _refused(lambda: put_rule({"EventPattern": {"source": ["x"]}}, target))


@pytest.mark.parametrize(
    "expression",
    ["rate(1 hours)", "rate(5 minute)", "rate(0 minutes)", "cron(0 * * * *)", "cron(0 * * * * *)", "hourly"],
)
def test_what_is_no_schedule_is_refused(local_aws: LocalAws, expression: str) -> None:
    events = local_aws.client("events")
    assert "Parameter ScheduleExpression is not valid." in _refused(
        events.put_rule, Name="bad", ScheduleExpression=expression
    )


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": [{"Prefix": "x"}]},
        {"source": [{"prefix": 1}]},
        {"source": [{"numeric": [">", "1"]}]},
        {"source": [{"anything-but": {"prefix": ""}}]},
        {"source": [{"wildcard": "a**b"}]},
        {"source": [{"cidr": "10.0.0.0"}]},
        {"source": []},
        {"source": "x"},
    ],
)
def test_what_is_no_pattern_is_refused(local_aws: LocalAws, pattern: dict[str, Any]) -> None:
    # LocalStack's event_pattern_templates recorded that AWS refuses these kinds.
    refused = _refused(local_aws.client("events").put_rule, Name="bad", EventPattern=json.dumps(pattern))
    assert "InvalidEventPatternException" in refused


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ({"detail": {"rows": {"n": [1]}}}, True),
        ({"detail": {"tags": [{"exists": False}]}}, True),
        ({"detail": {"status": [{"anything-but": ["FAILED"]}]}}, False),
        ({"detail": {"error": [{"anything-but": ["Other"]}]}}, True),
        ({"$or": [{"source": ["y"]}, {"detail": {"status": [{"prefix": "FA"}]}}]}, True),
    ],
)
def test_patterns_match_as_on_aws(local_aws: LocalAws, pattern: dict[str, Any], matches: bool) -> None:
    detail = {"rows": [{"n": 1}, {"n": 2}], "tags": [], "status": "FAILED", "error": None}
    event = {
        **{"id": "1", "source": "x", "detail-type": "d", "account": "123456789012"},
        **{"time": "2026-01-01T00:00:00Z", "region": "us-east-1", "resources": [], "detail": detail},
    }
    answer = local_aws.client("events").test_event_pattern(
        EventPattern=json.dumps(pattern), Event=json.dumps(event)
    )
    assert answer["Result"] is matches


def test_what_cannot_be_put_is_said_of_each_entry(local_aws: LocalAws) -> None:
    assert _put(local_aws, "aws.states")["ErrorCode"] == "NotAuthorizedForSourceException"
    entry = {"Source": "x", "DetailType": "test", "Detail": "{"}
    answer = local_aws.client("events").put_events(Entries=[entry])
    assert (answer["FailedEntryCount"], answer["Entries"][0]["ErrorCode"]) == (1, "MalformedDetail")


def test_a_rule_that_is_off_or_has_another_pattern_hears_nothing(
    local_aws: LocalAws, put_rule: PutRule, queue: Queue
) -> None:
    source = f"source-{uuid4().hex}"
    off = put_rule({"EventPattern": {"source": [source]}}, {"Arn": queue.arn, "Input": '"off"'})
    local_aws.client("events").disable_rule(Name=off)
    put_rule({"ScheduleExpression": "rate(1 day)"}, {"Arn": queue.arn, "Input": '"schedule"'})
    put_rule({"EventPattern": {"source": ["other"]}}, {"Arn": queue.arn, "Input": '"other"'})
    put_rule({"EventPattern": {"source": [source]}}, {"Arn": queue.arn, "Input": '"on"'})
    _put(local_aws, source)
    until(queue.bodies)
    assert queue.bodies() == ['"on"']


def test_what_does_not_let_eventbridge_in_is_not_reached(
    local_aws: LocalAws, put_rule: PutRule, queue: Queue
) -> None:
    source, machine = f"source-{uuid4().hex}", create_machine(local_aws, SUCCEED)
    rule = {"EventPattern": {"source": [source]}}
    # Step Functions can take this role, EventBridge cannot.
    role = local_aws.outputs["StateMachineRoleArn"]
    names = [put_rule(rule, {"Arn": machine, "RoleArn": role}), put_rule(rule, {"Arn": queue.arn})]
    queue.let_in("arn:aws:events:us-east-1:123456789012:rule/another")
    _put(local_aws, source)

    def failed(name: str) -> bool:
        of = [{"Name": "RuleName", "Value": name}]
        metrics = local_aws.client("cloudwatch").list_metrics(MetricName="FailedInvocations", Dimensions=of)
        return bool(metrics["Metrics"])

    until(lambda: all(failed(name) for name in names))
    assert local_aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"] == []
    assert queue.bodies() == []


def test_a_function_and_a_log_group_are_told(local_aws: LocalAws, put_rule: PutRule) -> None:
    source, group, logs = f"source-{uuid4().hex}", f"/aws/events/{uuid4().hex}", local_aws.client("logs")
    lambda_ = local_aws.client("lambda")
    name = deployed(local_aws, "def handler(event, context):\n  print('told of', event['detail'])")
    function = lambda_.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    lambda_.add_permission(
        FunctionName=name,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
    )
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{arn}:*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    logs.put_resource_policy(policyName="events", policyDocument=policy)
    for target in (function, arn):
        put_rule({"EventPattern": {"source": [source]}}, {"Arn": target})
    _put(local_aws, source, a=1)

    def read(group: str) -> str:
        try:
            return str(logs.filter_log_events(logGroupName=group)["events"])
        except logs.exceptions.ResourceNotFoundException:
            return ""

    until(lambda: "told of {'a': 1}" in read(f"/aws/lambda/{name}"))
    until(lambda: source in read(group))


def test_a_target_gets_the_part_of_the_event_that_it_asks_for(
    local_aws: LocalAws, put_rule: PutRule, queue: Queue
) -> None:
    # The forms are those of LocalStack's recorded test_events_inputs.
    source = f"source-{uuid4().hex}"
    rule = {"EventPattern": {"source": [source]}}
    paths = {"command": "$.detail.command", "gone": "$.detail.gone", "all": "$.detail"}
    templates = [
        '{"c": <command>, "q": "is <command>", "g": <gone>, "all": <all>, "rule": "<aws.events.rule-name>"}',
        '"does <command>"',
    ]
    for template in templates:
        transformer = {"InputPathsMap": paths, "InputTemplate": template}
        put_rule(rule, {"Arn": queue.arn, "InputTransformer": transformer})
    put_rule(rule, {"Arn": queue.arn, "InputPath": "$.detail.command"})
    _put(local_aws, source, command="up")
    until(lambda: len(queue.bodies()) == 3)
    *texts, filled = sorted(queue.bodies())
    assert texts == ['"does up"', '"up"']
    assert json.loads(filled) | {"rule": ""} == {
        **{"c": "up", "q": "is up", "g": "", "rule": ""},
        "all": {"command": "up"},
    }


def test_an_executions_end_is_an_event_and_starts_another_machine(
    local_aws: LocalAws, put_rule: PutRule, queue: Queue, starter: str
) -> None:
    first, second = create_machine(local_aws, FAIL), create_machine(local_aws, SUCCEED)
    rule = {"EventPattern": {"source": ["aws.states"], "detail": {"stateMachineArn": [first]}}}
    put_rule(rule, {"Arn": queue.arn})
    ending = {"source": ["aws.states"], "detail": {"stateMachineArn": [first], "status": ["FAILED"]}}
    target = {"Arn": second, "RoleArn": starter, "InputPath": "$.detail"}
    put_rule({"EventPattern": ending}, target)
    execution = start(local_aws, first, {"a": 1})
    described = ended(local_aws, execution)
    until(lambda: len(queue.bodies()) == 2)
    by_status = {event["detail"]["status"]: event for event in queue.events()}
    event = by_status["FAILED"]
    assert event["detail-type"] == "Step Functions Execution Status Change"
    assert event["resources"] == [execution]
    assert event["detail"] == {
        # LocalStack's recorded test_event_bridge_events_base has these fields.
        "executionArn": execution,
        "stateMachineArn": first,
        "name": described["name"],
        "status": "FAILED",
        "startDate": int(described["startDate"].timestamp() * 1000),
        "stopDate": int(described["stopDate"].timestamp() * 1000),
        "input": '{"a": 1}',
        "output": None,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "REDRIVABLE",
        "redriveStatusReason": None,
        "inputDetails": {"included": True},
        "outputDetails": None,
        "error": "SomeFailure",
        "cause": "on purpose",
    }
    assert by_status["RUNNING"]["detail"]["stopDate"] is None
    states = local_aws.client("stepfunctions")
    (started,) = until(lambda: states.list_executions(stateMachineArn=second)["executions"])
    assert started["name"].startswith(f"{event['id']}_")
    given = states.describe_execution(executionArn=started["executionArn"])["input"]
    assert json.loads(given)["executionArn"] == execution


def test_an_hourly_rule_starts_a_state_machine_every_hour(
    local_aws: LocalAws, put_rule: PutRule, starter: str
) -> None:
    machine, states = create_machine(local_aws, SUCCEED), local_aws.client("stepfunctions")
    put_rule(
        {"ScheduleExpression": "cron(0 * * * ? *)"},
        {
            "Arn": machine,
            "RoleArn": starter,
            "InputTransformer": {"InputPathsMap": {"at": "$.time"}, "InputTemplate": '{"end": <at>}'},
        },
    )

    def ends() -> list[str]:
        arns = [
            found["executionArn"] for found in states.list_executions(stateMachineArn=machine)["executions"]
        ]
        inputs = [states.describe_execution(executionArn=arn)["input"] for arn in arns]
        return sorted(json.loads(given)["end"] for given in inputs)

    control = Control(local_aws.endpoint_url)
    # The schedule has to have been seen, before time can pass for it.
    until(lambda: control.ask("GET", "clock"))
    assert ends() == []

    def an_hour_later() -> bool:
        control.put_clock_forward(HOUR)
        return len(ends()) >= 2

    until(an_hour_later)
    first, second = ends()[:2]
    assert first.endswith(":00:00Z")
    assert first < second


def test_training_jobs_tell_of_their_statuses(local_aws: LocalAws, put_rule: PutRule, queue: Queue) -> None:
    request = training_request(local_aws)
    name = request["TrainingJobName"]
    pattern = {"source": ["aws.sagemaker"], "detail": {"TrainingJobName": [name]}}
    put_rule({"EventPattern": pattern}, {"Arn": queue.arn})
    local_aws.client("sagemaker").create_training_job(**request)
    job = trained(local_aws, name)
    last = until(
        lambda: [event for event in queue.events() if event["detail"]["TrainingJobStatus"] == "Completed"]
    )[0]
    assert last["detail-type"] == "SageMaker Training Job State Change"
    assert last["resources"] == [job["TrainingJobArn"]]
    assert last["detail"]["ModelArtifacts"] == job["ModelArtifacts"]
    seen = {event["detail"]["SecondaryStatus"] for event in queue.events()}
    assert seen == {"Starting", "Downloading", "Training", "Uploading", "Completed"}


def test_a_failed_retrain_is_told_to_the_topic_of_its_stack(local_aws: LocalAws, queue: Queue) -> None:
    stack, states = local_aws.stack, local_aws.client("stepfunctions")
    resources = local_aws.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    topic = next(
        found["PhysicalResourceId"] for found in resources if found["LogicalResourceId"] == "FailureTopic"
    )
    sns = local_aws.client("sns")
    queue.let_in(topic, "sns.amazonaws.com")
    subscription = sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, ReturnSubscriptionArn=True
    )
    executions = []
    for machine, error in (
        ("ours", "Broken"),
        ("ours_too", "ModelAccuracyTooLow"),
        ("test-theirs", "Broken"),
    ):
        definition = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": error}}}
        arn = states.create_state_machine(
            name=f"{stack}-{machine}",
            definition=json.dumps(definition),
            roleArn=local_aws.outputs["StateMachineRoleArn"],
        )["stateMachineArn"]
        executions.append(start(local_aws, arn))
        ended(local_aws, executions[-1])
        states.delete_state_machine(stateMachineArn=arn)
    until(lambda: any("executionArn" in body for body in queue.bodies()))
    messages = [json.loads(event["Message"]) for event in queue.events()]
    # The stack's alarm tells the topic of its state too.
    told = [message["detail"]["executionArn"] for message in messages if "detail" in message]
    assert told == executions[:1]
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
