"""State machines of the embedded AWS: .sync jobs, and errors by AWS's names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.sagemaker_requests import HYPERPARAMETERS, IMAGE, training_request
from tests.integration.state_machines import (
    ETL,
    TRAIN,
    create_glue_job,
    create_machine,
    ended,
    event_types,
    start,
    task_state,
)


def test_a_failed_training_job_is_the_cause(local_aws: LocalAws) -> None:
    request = training_request(local_aws, HyperParameters={**HYPERPARAMETERS, "eta": "7"})
    found = ended(local_aws, start(local_aws, create_machine(local_aws, task_state(TRAIN, request))))
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(found["cause"])
    assert cause["TrainingJobName"] == request["TrainingJobName"]
    assert cause["TrainingJobStatus"] == "Failed"
    assert "eta" in cause["FailureReason"]
    assert isinstance(cause["CreationTime"], int)


def test_a_failed_job_run_is_the_cause(local_aws: LocalAws) -> None:
    job = create_glue_job(local_aws, "raise ValueError('empty window')")
    found = ended(local_aws, start(local_aws, create_machine(local_aws, task_state(ETL, {"JobName": job}))))
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(found["cause"])
    assert (cause["JobName"], cause["JobRunState"]) == (job, "FAILED")
    assert cause["ErrorMessage"] == "ValueError: empty window"


@pytest.mark.parametrize(
    ("resource", "parameters", "error", "cause"),
    [
        (ETL, {"JobName": "nobody"}, "Glue.EntityNotFoundException", "due to missing metadata"),
        (
            "arn:aws:states:::sagemaker:updateEndpoint",
            {"EndpointName": "nobody", "EndpointConfigName": "none"},
            "SageMaker.AmazonSageMakerException",
            "Could not find endpoint",
        ),
        (
            "arn:aws:states:::aws-sdk:sagemaker:describeEndpoint",
            {"EndpointName": "nobody"},
            "SageMaker.SageMakerException",
            "Could not find endpoint",
        ),
        (
            "arn:aws:states:::lambda:invoke",
            {"FunctionName": "nobody", "Payload": {}},
            "Lambda.ResourceNotFoundException",
            "nobody",
        ),
    ],
)
def test_errors_have_the_names_that_aws_gives_them(
    local_aws: LocalAws, resource: str, parameters: dict[str, Any], error: str, cause: str
) -> None:
    found = ended(local_aws, start(local_aws, create_machine(local_aws, task_state(resource, parameters))))
    assert (found["status"], found["error"]) == ("FAILED", error)
    assert cause in found["cause"]


def test_what_lambda_refuses_a_task_is_named_after_it(local_aws: LocalAws) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:nobody"
    machine = create_machine(local_aws, {"Type": "Task", "Resource": arn, "End": True})
    found = ended(local_aws, start(local_aws, machine))
    assert found["error"] == "Lambda.ResourceNotFoundException"
    assert found["cause"].startswith(f"Function not found: {arn}")
    assert "Service: AWSLambda; Status Code: 404" in found["cause"]


def test_a_training_job_of_a_used_name_gives_the_modelled_error(local_aws: LocalAws) -> None:
    request = training_request(local_aws)
    local_aws.client("sagemaker").create_training_job(**request)
    found = ended(local_aws, start(local_aws, create_machine(local_aws, task_state(TRAIN, request))))
    assert found["error"] == "SageMaker.ResourceInUseException"


def test_what_a_function_raises_can_be_caught_by_name(local_aws: LocalAws) -> None:
    request = training_request(local_aws)
    local_aws.client("sagemaker").create_training_job(**request)
    payload = {
        "TrainingJobName": request["TrainingJobName"],
        "MetricName": "validation:auc",
        "EndpointName": "none",
    }
    parameters = {"FunctionName": local_aws.outputs["MetricsFunctionName"], "Payload": payload}
    catch = [{"ErrorEquals": ["MetricMissing", "NoMetrics"], "Next": "State1"}]
    task = task_state("arn:aws:states:::lambda:invoke", parameters, Catch=catch)
    del task["End"]
    machine = create_machine(local_aws, task, {"Type": "Pass", "End": True})
    found = ended(local_aws, start(local_aws, machine))
    assert found["status"] == "SUCCEEDED"
    assert json.loads(found["output"])["Error"] in ("MetricMissing", "NoMetrics")


def test_a_fail_state_gives_its_error_and_cause(local_aws: LocalAws) -> None:
    machine = create_machine(
        local_aws, {"Type": "Fail", "Error": "ModelAccuracyTooLow", "Cause": "0.12 >= 0.10"}
    )
    found = ended(local_aws, start(local_aws, machine))
    assert (found["status"], found["error"], found["cause"]) == (
        "FAILED",
        "ModelAccuracyTooLow",
        "0.12 >= 0.10",
    )
    assert "output" not in found


@pytest.mark.parametrize(
    "resource", ["arn:aws:states:::sagemaker:createHyperParameterTuningJob.sync", "arn:x"]
)
def test_a_definition_that_cannot_run_here_is_refused(local_aws: LocalAws, resource: str) -> None:
    with pytest.raises(ClientError, match="InvalidDefinition"):
        create_machine(local_aws, task_state(resource, {}))


def test_jobs_run_one_after_the_other_to_an_endpoint(local_aws: LocalAws) -> None:
    request = training_request(local_aws)
    name, outputs = request["TrainingJobName"], local_aws.outputs
    train = task_state(TRAIN, request, ResultPath="$.Job")
    model = task_state(
        "arn:aws:states:::sagemaker:createModel",
        {
            "ModelName": name,
            "ExecutionRoleArn": outputs["TrainingRoleArn"],
            "PrimaryContainer": {
                "Image": IMAGE,
                "ModelDataUrl.$": "$.Job.ModelArtifacts.S3ModelArtifacts",
            },
        },
        ResultPath=None,
    )
    variant = {
        "VariantName": "all",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    config = task_state(
        "arn:aws:states:::sagemaker:createEndpointConfig",
        {"EndpointConfigName": name, "ProductionVariants": [variant]},
        ResultPath=None,
    )
    create = task_state(
        "arn:aws:states:::sagemaker:createEndpoint",
        {"EndpointName": name, "EndpointConfigName": name},
        ResultPath=None,
    )
    etl = task_state(ETL, {"JobName": create_glue_job(local_aws, "print('done')")}, ResultPath="$.Run")
    states = [
        {key: value for key, value in state.items() if key != "End"} for state in (etl, train, model, config)
    ]

    found = ended(local_aws, start(local_aws, create_machine(local_aws, *states, create)))

    assert found["status"] == "SUCCEEDED", found
    output = json.loads(found["output"])
    assert output["Run"]["JobRunState"] == "SUCCEEDED"
    assert output["Job"]["TrainingJobStatus"] == "Completed"
    describe = local_aws.client("sagemaker").describe_endpoint
    until(lambda: describe(EndpointName=name)["EndpointStatus"] == "InService")
    execution = found["executionArn"]
    events = event_types(local_aws, execution)
    assert (events[0], events[-1]) == ("ExecutionStarted", "ExecutionSucceeded")
    assert event_types(local_aws, execution, reverseOrder=True) == events[::-1]
    pages = local_aws.client("stepfunctions").get_paginator("get_execution_history")
    paged = pages.paginate(executionArn=execution, PaginationConfig={"PageSize": 4})
    assert [event["type"] for page in paged for event in page["events"]] == events
