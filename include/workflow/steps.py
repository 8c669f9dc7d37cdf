"""The steps of a retrain up to its gate: each function builds one state of the state machine."""

from __future__ import annotations

from typing import Any

import boto3
import sagemaker
from sagemaker.estimator import Estimator
from stepfunctions.inputs import ExecutionInput, Placeholder
from stepfunctions.steps import LambdaStep, Retry, TrainingStep

from include.workflow.blocks import AnsweringLambda, Intrinsic, NumberingGlueJob, PatientRetry
from retraining.execution.execution_input import schema
from retraining.execution.history import METRICS_STATE, TRAINING_STATE
from retraining.model.spec import ModelSpec
from retraining.workflow.surroundings import Surroundings

# Error names as Step Functions gives them. The transient ones of Lambda are those that AWS asks to retry:
# https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html
LAMBDA_BUSY = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
GLUE_BUSY = [
    "Glue.ConcurrentRunsExceededException",
    "Glue.ResourceNumberLimitExceededException",
    "Glue.ThrottlingException",
    "Glue.OperationTimeoutException",
    "Glue.InternalServiceException",
]
# Throttling of StartJobRun is not modelled.
GLUE_UNMODELLED = ["Glue.AWSGlueException"]
# Throttling and service faults; SageMaker's API does not model them, so they share one name. And no answer.
SAGEMAKER_BUSY = ["SageMaker.AmazonSageMakerException", "SageMaker.SdkClientException"]
SAGEMAKER_FULL = ["SageMaker.ResourceLimitExceededException"]
# Seconds before each training that is begun again as SageMaker had no instance for the one before.
CAPACITY_PAUSES = [60, 300, 900, 1800]

# SageMaker says when a job's status is final, not when its metrics are.
METRICS_LATE = ["NoMetrics", "MetricMissing"]
# The gated metric's value: a path without brackets, which is all that is documented for a Choice's Variable
# (https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html).
GATED = "$.Metrics.Payload.Value"


def execution_input() -> ExecutionInput:
    """The execution's input, whose placeholders stand for its fields."""
    return ExecutionInput(schema=schema())


def busy(errors: list[str]) -> Retry:
    """Rides out throttling and faults on AWS's side: half a minute."""
    return Retry(error_equals=errors, interval_seconds=2, max_attempts=4, backoff_rate=2)


def _full(errors: list[str]) -> PatientRetry:
    """Waits for capacity, which other jobs give back when they end; the execution's timeout bounds it."""
    return PatientRetry(
        error_equals=errors, interval_seconds=5, max_attempts=200, backoff_rate=1.5, max_delay_seconds=300
    )


def sagemaker_retries() -> list[Retry]:
    """Retries that every SageMaker state has."""
    return [_full(SAGEMAKER_FULL), busy(SAGEMAKER_BUSY)]


def etl_uri(bucket: str, channel: str = "") -> Intrinsic:
    """Where a run's transform writes: its training job's name is the folder."""
    path = f"s3://{bucket}/runs/{{}}" + (f"/{channel}/" if channel else "")
    return Intrinsic(f"States.Format('{path}', $$.Execution.Input['TrainingJobName'])")


def owner_tags(spec: ModelSpec, aws: Surroundings) -> dict[str, str]:
    """Tags that say whose something is: of one stack, and of one model folder."""
    return {"retraining:stack": aws.stack, "retraining:model": spec.name}


def run_tags(spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> dict[str, str | Placeholder]:
    """Tags that lead from what a run leaves in SageMaker back to the run."""
    return {
        **owner_tags(spec, aws),
        "retraining:dag-id": given["DagId"],
        "retraining:run-id": given["RunId"],
        "retraining:window-start": given["WindowStart"],
        "retraining:window-end": given["WindowEnd"],
        "retraining:endpoint": given["EndpointName"],
        "retraining:training-job-name": given["TrainingJobName"],
        "retraining:fingerprint": given["Fingerprint"],
    }


def _training_job_name() -> Intrinsic:
    """A training that is begun again needs another name: SageMaker never takes the name of a job twice."""
    name, number = "$$.Execution.Input['TrainingJobName']", "$.Training.Number"
    return Intrinsic(f"States.Format('{{}}-{{}}', {name}, {number})")


def transform_step(spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> NumberingGlueJob:
    """Extract the window's rows and write them as training and validation CSV."""
    return NumberingGlueJob(
        "Extract and transform",
        parameters={
            "JobName": given["GlueJobName"],
            "Arguments": {
                "--source": f"s3://{aws.bucket}/data/{spec.dataset}",
                "--sql": aws.transform_uri,
                "--target": etl_uri(aws.bucket),
                "--start": given["WindowStart"],
                "--validation_start": given["ValidationStart"],
                "--end": given["WindowEnd"],
                "--as_of": given["AsOf"],
            },
        },
        retry=[_full(GLUE_BUSY), busy(GLUE_UNMODELLED)],
        result_path="$.Training",
    )


def _estimator(spec: ModelSpec, aws: Surroundings) -> Estimator:
    # No call is made with this session: the compiler has neither credentials nor network.
    session = sagemaker.Session(boto3.Session(region_name=aws.region), default_bucket=aws.bucket)
    return Estimator(
        image_uri=sagemaker.image_uris.retrieve(spec.algorithm.name, aws.region, spec.algorithm.version),
        role=aws.training_role,
        instance_count=spec.training.instance_count,
        instance_type=spec.training.instance_type,
        volume_size=spec.training.volume_gb,
        max_run=spec.training.max_runtime_seconds,
        output_path=f"s3://{aws.bucket}/runs",
        output_kms_key=aws.kms_key,
        volume_kms_key=aws.kms_key,
        subnets=list(aws.subnets),
        security_group_ids=list(aws.security_groups),
        sagemaker_session=session,
        debugger_hook_config=False,
        disable_profiler=True,
    )


def _channel(name: str, bucket: str) -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": etl_uri(bucket, name),
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def training_step(spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> TrainingStep:
    """Train on what the transform wrote for this execution."""
    return TrainingStep(
        "Train",
        estimator=_estimator(spec, aws),
        job_name=_training_job_name(),
        hyperparameters=given["Hyperparameters"],
        tags=run_tags(spec, aws, given),
        parameters={
            "InputDataConfig": [_channel(name, aws.bucket) for name in ("train", "validation")],
            "ResourceConfig": {"InstanceType": given["TrainingInstanceType"]},
        },
        retry=sagemaker_retries(),
        result_path="$.Training.Job",
    )


def look_at_training_step(spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> AnsweringLambda:
    """Find out what is to be done about a training that Step Functions did not see complete.

    Only the cause tells a lack of capacity from other failures, and a retry cannot ask for it. A job that is
    there already is this execution's own, begun by a request whose answer was lost: it is waited for. This
    state fails where the training did, and not a Fail state, so that it can be redriven.
    """
    under_way = PatientRetry(
        error_equals=["TrainingUnderWay"],
        interval_seconds=5,
        max_attempts=1000,
        backoff_rate=1.5,
        max_delay_seconds=300,
    )
    return AnsweringLambda(
        TRAINING_STATE,
        fields=("Number", "Redrives", "Capacity", "Seconds", "Job"),
        parameters={
            "FunctionName": given["LambdaFunctionName"],
            "Payload": {
                "TrainingJobName": _training_job_name(),
                "MetricName": spec.gate.metric,
                "EndpointName": given["EndpointName"],
                "Data": etl_uri(aws.bucket),
                "Training": Intrinsic("$.Training"),
                "Error": Intrinsic("$.TrainingError"),
                "RedriveCount": Intrinsic("$$.Execution.RedriveCount"),
                "CapacityPauses": CAPACITY_PAUSES,
            },
        },
        retry=[under_way, busy(LAMBDA_BUSY)],
        result_path="$.Training",
    )


def metrics_step(spec: ModelSpec, training: TrainingStep, given: ExecutionInput) -> LambdaStep:
    """Read the training job's metrics by name, and those of the model that the endpoint serves."""
    payload = {
        "TrainingJobName": training.output()["Training"]["Job"]["TrainingJobName"],
        "MetricName": spec.gate.metric,
        "EndpointName": given["EndpointName"],
    }
    if spec.gate.beat_champion_by is not None:
        payload["Threshold"] = given["Threshold"]
        payload["Comparison"] = spec.gate.comparison
        payload["BeatChampionBy"] = given["BeatChampionBy"]
    return LambdaStep(
        METRICS_STATE,
        parameters={"FunctionName": given["LambdaFunctionName"], "Payload": payload},
        retry=[
            busy(LAMBDA_BUSY),
            Retry(error_equals=METRICS_LATE, interval_seconds=3, max_attempts=3, backoff_rate=2),
        ],
        result_path="$.Metrics",
    )
