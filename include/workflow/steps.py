"""The steps of a retrain: each function builds one state of the state machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.model import Model
from stepfunctions.inputs import ExecutionInput
from stepfunctions.steps import (
    EndpointConfigStep,
    EndpointStep,
    GlueStartJobRunStep,
    LambdaStep,
    ModelStep,
    Retry,
    Task,
    TrainingStep,
)
from stepfunctions.steps.integration_resources import get_aws_partition

from retraining.gate import METRICS_STATE
from retraining.spec import ModelSpec

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
# Throttling and service faults; SageMaker's API does not model them, so they share one name.
SAGEMAKER_BUSY = ["SageMaker.AmazonSageMakerException"]
SAGEMAKER_FULL = ["SageMaker.ResourceLimitExceededException"]


@dataclass(frozen=True)
class Surroundings:
    """What the definition needs to know of the AWS account it runs in.

    :param region: such as ``us-east-1``; decides the image registry and the ARNs' partition.
    :param bucket: holds the raw data, the transform, ETL output and trained models.
    :param training_role: ARN that SageMaker assumes to train and to serve.
    :param transform_uri: ``s3://`` URI of the model's ``transform.sql``.
    """

    region: str
    bucket: str
    training_role: str
    transform_uri: str


def execution_input() -> ExecutionInput:
    """The schema of an execution's input; ``retraining.execution`` makes one."""
    return ExecutionInput(
        schema={
            "TrainingJobName": str,
            "GlueJobName": str,
            "ModelName": str,
            "EndpointName": str,
            "LambdaFunctionName": str,
            "WindowStart": str,
            "ValidationStart": str,
            "WindowEnd": str,
            "Threshold": float,
            "DeployPolicy": str,
        }
    )


def _busy(errors: list[str]) -> Retry:
    return Retry(error_equals=errors, interval_seconds=2, max_attempts=4, backoff_rate=2)


def _full(errors: list[str]) -> Retry:
    """Waits for capacity: quotas free up when other jobs end, which takes minutes."""
    return Retry(error_equals=errors, interval_seconds=30, max_attempts=20, backoff_rate=1.5)


def sagemaker_retries() -> list[Retry]:
    """Retries that every SageMaker state has."""
    return [_full(SAGEMAKER_FULL), _busy(SAGEMAKER_BUSY)]


def _etl_uri(bucket: str, channel: str = "") -> str:
    path = f"s3://{bucket}/runs/{{}}" + (f"/{channel}/" if channel else "")
    return f"States.Format('{path}', $$.Execution.Input['TrainingJobName'])"


def transform_step(spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> GlueStartJobRunStep:
    """Extract the window's rows and write them as training and validation CSV."""
    return GlueStartJobRunStep(
        "Extract and transform",
        parameters={
            "JobName": given["GlueJobName"],
            "Arguments": {
                "--source": f"s3://{aws.bucket}/data/{spec.dataset}",
                "--sql": aws.transform_uri,
                "--target.$": _etl_uri(aws.bucket),
                "--start": given["WindowStart"],
                "--validation_start": given["ValidationStart"],
                "--end": given["WindowEnd"],
            },
        },
        retry=[_full(GLUE_BUSY)],
        result_path="$.Transform",
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
        output_path=f"s3://{aws.bucket}/training",
        hyperparameters={name: str(value) for name, value in spec.hyperparameters.items()},
        sagemaker_session=session,
        debugger_hook_config=False,
        disable_profiler=True,
    )


def _channel(name: str, bucket: str) -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri.$": _etl_uri(bucket, name),
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def training_step(spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> TrainingStep:
    """Train on what the transform wrote for this execution."""
    return TrainingStep(
        "Train",
        estimator=_estimator(spec, aws),
        job_name=given["TrainingJobName"],
        parameters={"InputDataConfig": [_channel(name, aws.bucket) for name in ("train", "validation")]},
        retry=sagemaker_retries(),
        result_path="$.Training",
    )


def metrics_step(spec: ModelSpec, given: ExecutionInput) -> LambdaStep:
    """Read the training job's metrics by name."""
    return LambdaStep(
        METRICS_STATE,
        parameters={
            "FunctionName": given["LambdaFunctionName"],
            "Payload": {"TrainingJobName": given["TrainingJobName"], "MetricName": spec.gate.metric},
        },
        retry=[_busy(LAMBDA_BUSY)],
        result_path="$.Metrics",
    )


def model_step(training: TrainingStep, given: ExecutionInput) -> ModelStep:
    """Make the trained artifact a SageMaker model."""
    estimator = training.estimator
    model = Model(
        image_uri=estimator.image_uri,
        role=estimator.role,
        env={},
        sagemaker_session=estimator.sagemaker_session,
        # The SDK's get_expected_model() assumes that the training's result replaced the state's input.
        model_data=training.output()["Training"]["ModelArtifacts"]["S3ModelArtifacts"],
    )
    return ModelStep(
        "Create model",
        model=model,
        model_name=given["ModelName"],
        retry=sagemaker_retries(),
        result_path="$.Model",
    )


def endpoint_config_step(spec: ModelSpec, given: ExecutionInput) -> EndpointConfigStep:
    """Describe how the model is served; it has the model's name."""
    return EndpointConfigStep(
        "Create endpoint config",
        endpoint_config_name=given["ModelName"],
        model_name=given["ModelName"],
        initial_instance_count=spec.serving.instance_count,
        instance_type=spec.serving.instance_type,
        retry=sagemaker_retries(),
        result_path="$.EndpointConfig",
    )


def endpoint_step(given: ExecutionInput, *, update: bool) -> EndpointStep:
    """Create the endpoint, or point an existing one at the new model."""
    return EndpointStep(
        "Update endpoint" if update else "Create endpoint",
        endpoint_name=given["EndpointName"],
        endpoint_config_name=given["ModelName"],
        update=update,
        retry=sagemaker_retries(),
        result_path="$.Deployment",
    )


def describe_endpoint_step(state_id: str, given: ExecutionInput) -> Task:
    """Read the endpoint's status. The SDK has no step for it, so it is a plain task."""
    return Task(
        state_id,
        resource=f"arn:{get_aws_partition()}:states:::aws-sdk:sagemaker:describeEndpoint",
        parameters={"EndpointName": given["EndpointName"]},
        result_path="$.Endpoint",
    )
