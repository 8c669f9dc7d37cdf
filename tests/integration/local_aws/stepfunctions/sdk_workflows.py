"""
A program for the SDK's interpreter: each step class of the Data Science SDK as a workflow of its own.

Reads what the steps work on from standard input, and writes how each execution ended to standard output.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.exceptions import ClientError
from sagemaker.estimator import Estimator
from sagemaker.image_uris import retrieve
from sagemaker.inputs import TrainingInput
from sagemaker.parameter import IntegerParameter
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.session import Session
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.transformer import Transformer
from sagemaker.tuner import HyperparameterTuner
from stepfunctions import steps
from stepfunctions.workflow import Workflow

given = json.load(sys.stdin)
name = given["name"]
session = Session(boto3.Session(), default_bucket=given["bucket"])
image = retrieve("xgboost", "us-east-1", "3.0-5")
estimator = Estimator(
    image,
    given["sagemaker_role"],
    instance_count=1,
    instance_type="ml.m5.large",
    output_path=f"s3://{given['bucket']}/{name}",
    hyperparameters={"num_round": 3, "objective": "binary:logistic", "eval_metric": "error"},
    sagemaker_session=session,
)
train = TrainingInput(f"s3://{given['bucket']}/{name}/rows/", content_type="text/csv")
key = {"Id": {"S": name}}


def training() -> Any:
    return steps.TrainingStep("Train", estimator, job_name=name, data={"train": train, "validation": train})


def tuning() -> Any:
    tuner = HyperparameterTuner(
        estimator, "validation:error", {"max_depth": IntegerParameter(2, 4)}, objective_type="Minimize"
    )
    return steps.TuningStep("Tune", tuner, name, {"train": train, "validation": train})


def processing(image: str | None = None) -> Any:
    """A step that runs the script in scikit-learn's image, or in another."""
    machine = {"instance_count": 1, "instance_type": "ml.m5.large", "sagemaker_session": session}
    processor = (
        Processor(given["sagemaker_role"], image, **machine)
        if image
        else SKLearnProcessor("1.2-1", given["sagemaker_role"], **machine)
    )
    place, folder = f"s3://{given['bucket']}/{name}", "/opt/ml/processing"
    inputs = [
        ProcessingInput(source=f"{place}/rows/", destination=f"{folder}/in", input_name="rows"),
        ProcessingInput(source=f"{place}/count.py", destination=f"{folder}/code", input_name="code"),
    ]
    outputs = [ProcessingOutput(source=f"{folder}/out", destination=f"{place}/counted", output_name="out")]
    return steps.ProcessingStep(
        "Process",
        processor,
        name,
        inputs=inputs,
        outputs=outputs,
        container_entrypoint=["python3", f"{folder}/code/count.py"],
    )


def transform() -> Any:
    transformer = Transformer(name, 1, "ml.m5.large", output_path=f"s3://{given['bucket']}/{name}/predicted")
    data = f"s3://{given['bucket']}/{name}/features/"
    return steps.TransformStep(
        "Transform", transformer, name, name, data, content_type="text/csv", split_type="Line"
    )


def model() -> Any:
    # What the training has left; the SDK reads the place from the job.
    return steps.ModelStep("Model", Estimator.attach(name, session).create_model(), model_name=name)


def choice() -> Any:
    gate = steps.Choice("Gate")
    gate.add_choice(
        steps.ChoiceRule.NumericLessThan("$.found[0].Value", 0.1), next_step=steps.Succeed("Accepted")
    )
    gate.default_choice(steps.Fail("Rejected", error="Rejected", cause="too bad"))
    return steps.Chain([steps.Pass("Look", result={"found": [{"Value": 0.05}]}), gate])


def missing() -> Any:
    gate = steps.Choice("Gate")
    gate.add_choice(steps.ChoiceRule.NumericLessThan("$.nowhere", 0.1), next_step=steps.Succeed("Accepted"))
    gate.default_choice(steps.Succeed("Default"))
    return gate


def caught() -> Any:
    call = steps.LambdaStep("Call", parameters={"FunctionName": given["function"], "Payload": {"fail": True}})
    call.add_retry(steps.Retry(error_equals=["Lambda.TooManyRequestsException"], max_attempts=1))
    call.add_catch(steps.Catch(error_equals=["ValueError"], next_step=steps.Pass("Caught", result="caught")))
    return call


def parallel() -> Any:
    both = steps.Parallel("Both")
    both.add_branch(steps.Pass("One", result=1))
    both.add_branch(steps.Pass("Two", result=2))
    return both


def mapped() -> Any:
    return steps.Chain(
        [
            steps.Pass("Numbers", result=[1, 2, 3]),
            steps.Map("Each", iterator=steps.Pass("Number"), max_concurrency=2),
        ]
    )


def wait() -> Any:
    return steps.Wait("Wait", seconds_path="$.Seconds")


FIRST: dict[str, Callable[[], Any]] = {
    "TrainingStep": training,
    "ModelStep": model,
    "TransformStep": transform,
    "EndpointConfigStep": lambda: steps.EndpointConfigStep("Config", name, name, 1, "ml.m5.large"),
    "EndpointStep": lambda: steps.EndpointStep("Deploy", name, name),
}
REST: dict[str, Callable[[], Any]] = {
    "TuningStep": tuning,
    "ProcessingStep": processing,
    "ProcessingStep in an image of one's own": lambda: processing(
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/ours:1"
    ),
    "LambdaStep": lambda: steps.LambdaStep(
        "Call", parameters={"FunctionName": given["function"], "Payload": {"x": 1}}
    ),
    "Catch": caught,
    "Choice": choice,
    "Choice at a path that is not there": missing,
    "Parallel": parallel,
    "Map": mapped,
    "Wait": wait,
    "GlueStartJobRunStep": lambda: steps.GlueStartJobRunStep("Etl", parameters={"JobName": given["job"]}),
    "DynamoDBPutItemStep": lambda: steps.Chain(
        [
            steps.DynamoDBPutItemStep(
                "Put", parameters={"TableName": given["table"], "Item": {**key, "Seen": {"N": "1"}}}
            ),
            steps.DynamoDBUpdateItemStep(
                "Update",
                parameters={
                    "TableName": given["table"],
                    "Key": key,
                    "UpdateExpression": "SET Seen = Seen + :one",
                    "ExpressionAttributeValues": {":one": {"N": "1"}},
                },
            ),
            steps.DynamoDBGetItemStep("Get", parameters={"TableName": given["table"], "Key": key}),
            steps.DynamoDBDeleteItemStep(
                "Delete",
                parameters={"TableName": given["table"], "Key": key},
                result_path="$.Deleted",
            ),
        ]
    ),
    "SnsPublishStep": lambda: steps.SnsPublishStep(
        "Publish", parameters={"TopicArn": given["topic"], "Message": "published"}
    ),
    "SqsSendMessageStep": lambda: steps.SqsSendMessageStep(
        "Send", parameters={"QueueUrl": given["queue"], "MessageBody": "sent"}
    ),
    "EventBridgePutEventsStep": lambda: steps.EventBridgePutEventsStep(
        "Tell", parameters={"Entries": [{"Source": "test", "DetailType": "told", "Detail": {"x": 1}}]}
    ),
    "StepFunctionsStartExecutionStep": lambda: steps.StepFunctionsStartExecutionStep(
        "Nest", parameters={"StateMachineArn": given["child"], "Input": {"x": 1}}
    ),
    "BatchSubmitJobStep": lambda: steps.BatchSubmitJobStep(
        "Batch", parameters={"JobName": name, "JobQueue": "q", "JobDefinition": "d"}
    ),
    "EcsRunTaskStep": lambda: steps.EcsRunTaskStep("Ecs", parameters={"TaskDefinition": "t"}),
    "EmrCreateClusterStep": lambda: steps.EmrCreateClusterStep("Emr", parameters={"Name": name}),
    "EksCreateClusterStep": lambda: steps.EksCreateClusterStep("Eks", parameters={"Name": name}),
    "GlueDataBrewStartJobRunStep": lambda: steps.GlueDataBrewStartJobRunStep(
        "Brew", parameters={"Name": "j"}
    ),
}


def run(kind: str, built: Callable[[], Any]) -> dict[str, Any]:
    """How a workflow of one step class ended, or why it was refused."""
    workflow = Workflow(
        name=f"{name}-{''.join(filter(str.isalpha, kind))}",
        definition=built(),
        role=given["states_role"],
        client=boto3.client("stepfunctions"),
    )
    try:
        workflow.create()
    except ClientError as error:
        return {"status": "REFUSED", "error": error.response["Error"]["Code"], "cause": str(error)}
    execution = workflow.execute(inputs={"Seconds": 1})
    while (described := execution.describe())["status"] == "RUNNING":
        time.sleep(0.1)
    return {part: described.get(part) for part in ("status", "error", "cause", "output")}


results = {kind: run(kind, built) for kind, built in FIRST.items()}
with ThreadPoolExecutor(4) as pool:
    results |= zip(REST, pool.map(run, REST, REST.values()), strict=True)
sys.stdout.write(f"RESULTS {json.dumps(results)}\n")
