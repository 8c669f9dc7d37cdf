"""Parameters that an integration does not take are refused, as AWS refuses them: none is left out unsaid."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.embedded_aws import LocalAws
from tests.integration.state_machines import create_machine, ended, event_types, result_of, start, task_state

UPDATE = "sagemaker:updateEndpoint"
NAMES = {"EndpointName": "e", "EndpointConfigName": "c"}
TRAINING = {
    "TrainingJobName": "t",
    "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "i"},
    "RoleArn": "r",
    "OutputDataConfig": {"S3OutputPath": "s3://b"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
UNKNOWN = 'The field "{}" is not supported by Step Functions'
MISSING = "The field '{}' is required but was missing"
REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    (UPDATE, {**NAMES, "RetainAllVariantProperties": True}, [UNKNOWN.format("RetainAllVariantProperties")]),
    (UPDATE, {**NAMES, "DeploymentConfig": {}}, [UNKNOWN.format("DeploymentConfig")]),
    (UPDATE, {"EndpointName.$": "$.e"}, [MISSING.format("EndpointConfigName")]),
    # As users of the Data Science SDK met it, in its issue 200.
    ("sagemaker:createTrainingJob.sync", {**TRAINING, "Tags": [{"key": "a"}]}, [UNKNOWN.format("key")]),
    ("sagemaker:createTrainingJob", {**TRAINING, "S3Operations": {}}, [UNKNOWN.format("S3Operations")]),
    (
        "sagemaker:createModel",
        {"ModelName": "m", "InferenceExecutionConfig": {}},
        ["InferenceExecutionConfig"],
    ),
    ("sagemaker:createEndpointConfig", {"EndpointConfigName": "c"}, [MISSING.format("ProductionVariants")]),
    ("glue:startJobRun.sync", {"Arguments": {"--a": "b"}}, [MISSING.format("JobName")]),
    ("glue:startJobRun", {"JobName.$": "$.j", "Worker": "w"}, [UNKNOWN.format("Worker")]),
    ("lambda:invoke", {"functionName": "f"}, [UNKNOWN.format("functionName")]),
    ("lambda:invoke.waitForTaskToken", {"Payload": {"any": 1}}, [MISSING.format("FunctionName")]),
    ("dynamodb:putItem", {"TableName": "t", "Item": {}, "Key": {}}, [UNKNOWN.format("Key")]),
    (
        "dynamodb:putItem",
        {"TableName": "t", "Item": {"a": {"S": "1"}}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"},
        [UNKNOWN.format("ReturnValuesOnConditionCheckFailure")],
    ),
    ("dynamodb:getItem", {"TableName": "t", "Key": {"a": {"s": "1"}}}, [UNKNOWN.format("s")]),
    ("sqs:sendMessage", {"QueueUrl": "q"}, [MISSING.format("MessageBody")]),
    ("sqs:sendMessage", {"QueueUrl": "q", "MessageBody": "", "MessageSystemAttributes": {}}, ["SystemAttr"]),
    ("sns:publish", {"TopicArn": "t"}, [MISSING.format("Message")]),
    ("events:putEvents", {"Entries": [{"Details": {}}]}, [UNKNOWN.format("Details")]),
    ("states:startExecution", {"Input": {"any": 1}}, [MISSING.format("StateMachineArn")]),
    ("states:startExecution", {"StateMachineArn": "m", "TraceHeader": "t"}, [UNKNOWN.format("TraceHeader")]),
    ("aws-sdk:s3:getObject", {"Bucket": "b"}, [MISSING.format("Key")]),
    ("aws-sdk:sfn:describeExecution", {"executionArn": "a"}, [UNKNOWN.format("executionArn")]),
    ("aws-sdk:sagemaker:updateEndpoint", {**NAMES, "Retain": True}, [UNKNOWN.format("Retain")]),
    (
        "sagemaker:createTrainingJob",
        {**TRAINING, "HyperParameters": "a"},
        ["'HyperParameters' has an invalid"],
    ),
]


def _said(aws: LocalAws, definition: dict[str, Any]) -> list[tuple[str, str, str]]:
    states = aws.client("stepfunctions")
    found = states.validate_state_machine_definition(definition=json.dumps(definition))["diagnostics"]
    return [(item["code"], item["message"], item["location"]) for item in found]


def test_what_an_integration_does_not_take_is_refused_in_a_definition(local_aws: LocalAws) -> None:
    for name, parameters, parts in REFUSED:
        state = task_state(f"arn:aws:states:::{name}", parameters)
        said = _said(local_aws, {"StartAt": "A", "States": {"A": state}})
        assert [(code, where) for code, _, where in said] == [
            ("SCHEMA_VALIDATION_FAILED", "/States/A/Parameters")
        ], (name, said)
        assert all(part in said[0][1] for part in parts), (name, said)


def test_arguments_are_held_to_the_same(local_aws: LocalAws) -> None:
    state = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{UPDATE}",
        "Arguments": {"EndpointName": "{% $states.input.e %}", "RetainDeploymentConfig": True},
        "End": True,
    }
    said = _said(local_aws, {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": state}})
    assert {message for _, message, _ in said} == {
        UNKNOWN.format("RetainDeploymentConfig"),
        MISSING.format("EndpointConfigName"),
    }
    assert {where for _, _, where in said} == {"/States/A/Arguments"}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        # As users of lambda:invoke.waitForTaskToken met it.
        ({"FunctionName": "f", "TaskToken.$": "$.token"}, UNKNOWN.format("TaskToken")),
        ({"FunctionName.$": "$.nothing"}, MISSING.format("FunctionName")),
    ],
)
def test_what_comes_of_the_input_is_refused_when_the_state_is_run(
    local_aws: LocalAws, parameters: dict[str, Any], said: str
) -> None:
    task = task_state("arn:aws:states:::lambda:invoke", parameters)
    task["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": "State1"}]
    del task["End"]
    machine = create_machine(local_aws, task, {"Type": "Succeed"})
    execution = start(local_aws, machine, {"token": "t", "nothing": None})
    found = ended(local_aws, execution)
    assert found["error"] == "States.Runtime"
    assert f"could not be used to start the Task: [{said}]" in found["cause"]
    assert found["cause"].startswith("An error occurred while executing the state 'State0' (entered at the ")
    assert "TaskScheduled" not in event_types(local_aws, execution)


def test_what_an_integration_takes_reaches_the_service(local_aws: LocalAws) -> None:
    sqs = local_aws.client("sqs")
    queue = sqs.create_queue(QueueName=f"queue-{uuid4().hex}")["QueueUrl"]
    attributes = {"any_name": {"DataType": "String", "StringValue.$": "$.a"}}
    parameters = {"QueueUrl": queue, "MessageBody": {"a.$": "$.a"}, "MessageAttributes": attributes}
    result_of(local_aws, task_state("arn:aws:states:::sqs:sendMessage", parameters), {"a": "1"})
    [message] = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    assert json.loads(message["Body"]) == {"a": "1"}
    assert message["MessageAttributes"]["any_name"]["StringValue"] == "1"


def test_a_function_is_invoked_in_the_way_that_is_asked_for(local_aws: LocalAws) -> None:
    parameters = {
        "FunctionName": local_aws.outputs["MetricsFunctionName"],
        "InvocationType": "DryRun",
        "Payload": {},
    }
    assert result_of(local_aws, task_state("arn:aws:states:::lambda:invoke", parameters))["StatusCode"] == 204
