"""Each step class of the Data Science SDK runs here, or is refused by name; nothing only seems to run."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.embedded_aws import PROJECT, LocalAws
from tests.integration.endpoints import HIGH, LOW, predict, settled
from tests.integration.local_aws.lambda_.lambda_functions import deployed
from tests.integration.local_aws.sagemaker.test_processing import mounts
from tests.integration.sagemaker_requests import rows

NAME = f"steps-{uuid4().hex[:8]}"
HANDLER = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("as asked for")
    return {"got": event}
"""
SCRIPT = "print('a job')\n"
COUNT = """
from pathlib import Path

lines = Path("/opt/ml/processing/in/part-0.csv").read_text().splitlines()
Path("/opt/ml/processing/out/count.txt").write_text(str(len(lines)))
"""
ROWS = 200


@pytest.fixture(scope="module")
def results(local_aws: LocalAws) -> dict[str, Any]:
    """How an execution of each step class ended."""
    stack, bucket = local_aws.outputs, local_aws.outputs["Bucket"]
    put = local_aws.client("s3").put_object
    put(Bucket=bucket, Key=f"{NAME}/rows/part-0.csv", Body=rows(ROWS, 1).encode())
    put(Bucket=bucket, Key=f"{NAME}/features/part-0.csv", Body=f"{HIGH}\n{LOW}\n".encode())
    put(Bucket=bucket, Key=f"{NAME}/job.py", Body=SCRIPT.encode())
    put(Bucket=bucket, Key=f"{NAME}/count.py", Body=COUNT.encode())
    role = everything(local_aws)
    local_aws.client("glue").create_job(
        Name=NAME,
        Role=role,
        Command={
            "Name": "pythonshell",
            "ScriptLocation": f"s3://{bucket}/{NAME}/job.py",
            "PythonVersion": "3.9",
        },
    )
    local_aws.client("dynamodb").create_table(
        TableName=NAME,
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    child = {"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}
    given = {
        "name": NAME,
        "bucket": bucket,
        "sagemaker_role": stack["TrainingRoleArn"],
        "states_role": role,
        "function": deployed(local_aws, HANDLER),
        "job": NAME,
        "table": NAME,
        "topic": local_aws.client("sns").create_topic(Name=NAME)["TopicArn"],
        "queue": local_aws.client("sqs").create_queue(QueueName=NAME)["QueueUrl"],
        "child": local_aws.client("stepfunctions").create_state_machine(
            name=f"{NAME}-child", definition=json.dumps(child), roleArn=role
        )["stateMachineArn"],
    }
    return run_program(local_aws, given)


def everything(aws: LocalAws) -> str:
    """A role that Step Functions and Glue may take, and that may do all."""
    iam, services = aws.client("iam"), ("states", "glue")
    trust = {"Effect": "Allow", "Principal": {"Service": [f"{it}.amazonaws.com" for it in services]}}
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    role = iam.create_role(
        RoleName=NAME,
        AssumeRolePolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [trust | {"Action": "sts:AssumeRole"}]}
        ),
    )["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=NAME, PolicyName="all", PolicyDocument=document)
    return str(role)


def run_program(aws: LocalAws, given: dict[str, Any]) -> dict[str, Any]:
    run = subprocess.run(
        [
            PROJECT / ".venv-sdk" / "bin" / "python",
            "-W",
            "ignore",
            "-m",
            "tests.integration.local_aws.stepfunctions.sdk_workflows",
        ],
        input=json.dumps(given),
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_ACCESS_KEY_ID": aws.looks_with,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    found: dict[str, Any] = json.loads(run.stdout.rpartition("RESULTS ")[2])
    return found


def read(aws: LocalAws, key: str) -> str:
    """What a step has written below the bucket's folder of these workflows."""
    found = aws.client("s3").get_object(Bucket=aws.outputs["Bucket"], Key=f"{NAME}/{key}")
    return str(found["Body"].read().decode())


def output_of(results: dict[str, Any], step: str) -> Any:
    assert results[step]["status"] == "SUCCEEDED", results[step]
    return json.loads(results[step]["output"])


def test_a_model_is_trained_saved_and_served(local_aws: LocalAws, results: dict[str, Any]) -> None:
    assert output_of(results, "TrainingStep")["TrainingJobStatus"] == "Completed"
    assert output_of(results, "ModelStep")["ModelArn"].endswith(f"model/{NAME}")
    assert output_of(results, "EndpointConfigStep")["EndpointConfigArn"].endswith(NAME)
    assert output_of(results, "EndpointStep")["EndpointArn"].endswith(f"endpoint/{NAME}")
    assert output_of(results, "TransformStep")["TransformJobStatus"] == "Completed"
    assert settled(local_aws, NAME)["EndpointStatus"] == "InService"
    high, low = predict(local_aws, NAME, f"{HIGH}\n{LOW}")
    assert high > low
    assert read(local_aws, "predicted/part-0.csv.out").split() == [str(high), str(low)]


@mounts
def test_a_script_processes(local_aws: LocalAws, results: dict[str, Any]) -> None:
    assert output_of(results, "ProcessingStep")["ProcessingJobStatus"] == "Completed"
    assert read(local_aws, "counted/count.txt") == str(ROWS)


@pytest.mark.parametrize("step", ["ModelStep", "EndpointConfigStep", "EndpointStep", "LambdaStep"])
def test_an_optimised_call_tells_of_its_answer(results: dict[str, Any], step: str) -> None:
    output = output_of(results, step)
    assert output["SdkHttpMetadata"]["HttpStatusCode"] in (200, 201)
    assert output["SdkResponseMetadata"]["RequestId"]


def test_functions_and_jobs_run(results: dict[str, Any]) -> None:
    answer = output_of(results, "LambdaStep")
    assert (answer["Payload"], answer["ExecutedVersion"]) == ({"got": {"x": 1}}, "$LATEST")
    assert output_of(results, "Catch") == "caught"
    assert output_of(results, "GlueStartJobRunStep")["JobRunState"] == "SUCCEEDED"


def test_states_flow_by_what_paths_find(results: dict[str, Any]) -> None:
    assert output_of(results, "Choice") == {"found": [{"Value": 0.05}]}
    assert output_of(results, "Parallel") == [1, 2]
    assert output_of(results, "Map") == [1, 2, 3]
    output_of(results, "Wait")
    missing = results["Choice at a path that is not there"]
    assert (missing["status"], missing["error"]) == ("FAILED", "States.Runtime")


def test_items_messages_and_events_go_where_they_are_sent(
    local_aws: LocalAws, results: dict[str, Any]
) -> None:
    output = output_of(results, "DynamoDBPutItemStep")
    assert output["Item"] == {"Id": {"S": NAME}, "Seen": {"N": "2"}}
    assert local_aws.client("dynamodb").scan(TableName=NAME)["Items"] == []
    assert output_of(results, "SnsPublishStep")["MessageId"]
    sent = output_of(results, "SqsSendMessageStep")["MessageId"]
    queue = local_aws.client("sqs").get_queue_url(QueueName=NAME)["QueueUrl"]
    (message,) = local_aws.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert (message["MessageId"], message["Body"]) == (sent, "sent")
    assert output_of(results, "EventBridgePutEventsStep")["FailedEntryCount"] == 0


def test_an_execution_waits_for_the_one_it_starts(results: dict[str, Any]) -> None:
    output = output_of(results, "StepFunctionsStartExecutionStep")
    assert (output["Status"], output["Output"]) == ("SUCCEEDED", {"x": 1})


@pytest.mark.parametrize(
    ("step", "refused"),
    [
        ("TuningStep", "createHyperParameterTuningJob"),
        ("BatchSubmitJobStep", "arn:aws:states:::batch"),
        ("EcsRunTaskStep", "arn:aws:states:::ecs"),
        ("EmrCreateClusterStep", "arn:aws:states:::elasticmapreduce"),
        ("EksCreateClusterStep", "arn:aws:states:::eks"),
        ("GlueDataBrewStartJobRunStep", "arn:aws:states:::databrew"),
    ],
)
def test_what_does_not_run_here_is_refused_by_name(results: dict[str, Any], step: str, refused: str) -> None:
    assert results[step]["status"] == "REFUSED", results[step]
    assert refused in results[step]["cause"]


def test_an_image_that_is_not_here_is_refused_by_name(results: dict[str, Any]) -> None:
    found = results["ProcessingStep in an image of one's own"]
    assert found["status"] == "FAILED"
    assert "ours:1" in found["cause"]
