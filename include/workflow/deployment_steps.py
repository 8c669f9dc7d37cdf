"""The steps that deploy an accepted model: each function builds one state of the state machine."""

from __future__ import annotations

from typing import Any

from sagemaker.model import Model
from stepfunctions.inputs import ExecutionInput
from stepfunctions.steps import (
    EndpointConfigStep,
    EndpointStep,
    LambdaStep,
    ModelStep,
    Retry,
    Task,
    TrainingStep,
)
from stepfunctions.steps.integration_resources import get_aws_partition

from include.workflow.blocks import Intrinsic
from include.workflow.steps import (
    GATED,
    LAMBDA_BUSY,
    Surroundings,
    busy,
    etl_uri,
    owner_tags,
    run_tags,
    sagemaker_retries,
)
from retraining.model.spec import ModelSpec

# Path of the endpoint config that is claimed.
CLAIMED = "$.Claim.Item.EndpointConfigName.S"


def model_step(
    spec: ModelSpec, aws: Surroundings, training: TrainingStep, given: ExecutionInput
) -> ModelStep:
    """Make the trained artifact a SageMaker model."""
    estimator = training.estimator
    model = Model(
        image_uri=estimator.image_uri,
        role=estimator.role,
        env={},
        sagemaker_session=estimator.sagemaker_session,
        # The SDK's get_expected_model() assumes that the training's result replaced the state's input.
        model_data=training.output()["Training"]["Job"]["ModelArtifacts"]["S3ModelArtifacts"],
    )
    step = ModelStep(
        "Create model",
        model=model,
        model_name=given["ModelName"],
        tags=run_tags(spec, aws, given) | {"retraining:metric": Intrinsic(f"States.Format('{{}}', {GATED})")},
        retry=sagemaker_retries(),
        result_path="$.Model",
    )
    if aws.subnets:
        # The SDK leaves a model's network out.
        network = {"Subnets": list(aws.subnets), "SecurityGroupIds": list(aws.security_groups)}
        step.update_parameters({**step.fields["parameters"], "VpcConfig": network})
    return step


def endpoint_config_step(spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> EndpointConfigStep:
    """Describe how the model is served."""
    step = EndpointConfigStep(
        "Create endpoint config",
        endpoint_config_name=given["EndpointConfigName"],
        model_name=given["ModelName"],
        initial_instance_count=spec.serving.instance_count,
        instance_type=spec.serving.instance_type,
        tags=run_tags(spec, aws, given),
        retry=sagemaker_retries(),
        result_path="$.EndpointConfig",
    )
    if aws.kms_key:
        step.update_parameters({**step.fields["parameters"], "KmsKeyId": aws.kms_key})
    return step


def create_endpoint_step(spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> EndpointStep:
    """Create the endpoint, with what is claimed; its tag keeps other stacks away.

    Neither this step nor those that update have retries: what the endpoint is to serve has to be looked at
    anew before it is tried again.
    """
    return EndpointStep(
        "Create endpoint",
        endpoint_name=given["EndpointName"],
        endpoint_config_name=Intrinsic(CLAIMED),
        tags=owner_tags(spec, aws),
        result_path="$.Deployment",
    )


def update_endpoint_step(
    state_id: str, given: ExecutionInput, config: str, *, result_path: str = "$.Deployment"
) -> EndpointStep:
    """Point the endpoint at another model at once, whatever alarms say.

    :param config: path of the endpoint config's name.
    """
    return EndpointStep(
        state_id,
        endpoint_name=given["EndpointName"],
        endpoint_config_name=Intrinsic(config),
        update=True,
        result_path=result_path,
    )


def watched_update_step(spec: ModelSpec, given: ExecutionInput) -> Task:
    """Point the endpoint at what is claimed; the old fleet stays for a while, and alarms can bring it back.

    The integration that EndpointStep uses takes no DeploymentConfig
    (https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html), so it is a plain task.
    """
    return Task(
        "Update endpoint",
        resource=f"arn:{get_aws_partition()}:states:::aws-sdk:sagemaker:updateEndpoint",
        parameters={
            "EndpointName": given["EndpointName"],
            "EndpointConfigName": Intrinsic(CLAIMED),
            "DeploymentConfig": _blue_green(spec),
        },
        result_path="$.Deployment",
    )


def _blue_green(spec: ModelSpec) -> dict[str, Any]:
    policy = {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
        "TerminationWaitInSeconds": spec.serving.bake_seconds,
    }
    alarms = [{"AlarmName": name} for name in spec.serving.alarms]
    rollback = {"AutoRollbackConfiguration": {"Alarms": alarms}} if alarms else {}
    return {"BlueGreenUpdatePolicy": policy, **rollback}


def find_endpoint_step(given: ExecutionInput) -> Task:
    """Read what the endpoint serves. The SDK has no step for it, so it is a plain task."""
    return Task(
        "Find endpoint",
        resource=f"arn:{get_aws_partition()}:states:::aws-sdk:sagemaker:describeEndpoint",
        parameters={"EndpointName": given["EndpointName"]},
        result_path="$.Endpoint",
    )


def delete_endpoint_step(given: ExecutionInput) -> Task:
    """Remove an endpoint whose creation failed."""
    return Task(
        "Delete failed endpoint",
        resource=f"arn:{get_aws_partition()}:states:::aws-sdk:sagemaker:deleteEndpoint",
        parameters={"EndpointName": given["EndpointName"]},
        result_path=None,
    )


def endpoint_owner_step(aws: Surroundings, given: ExecutionInput) -> LambdaStep:
    """See to it that the endpoint is this stack's."""
    return LambdaStep(
        "Check endpoint's owner",
        parameters={
            "FunctionName": given["EndpointTestFunctionName"],
            "Payload": {
                "EndpointName": given["EndpointName"],
                "DeploymentsTable": given["DeploymentsTable"],
                "Stack": aws.stack,
                "Bucket": aws.bucket,
            },
        },
        retry=[busy(LAMBDA_BUSY)],
        result_path="$.Owner",
    )


def endpoint_test_step(aws: Surroundings, given: ExecutionInput) -> LambdaStep:
    """Ask the endpoint about a row of the validation set, as a client would."""
    return LambdaStep(
        "Test endpoint",
        parameters={
            "FunctionName": given["EndpointTestFunctionName"],
            "Payload": {"EndpointName": given["EndpointName"], "Rows": etl_uri(aws.bucket, "validation")},
        },
        retry=[
            busy(LAMBDA_BUSY),
            Retry(error_equals=["EndpointTestFailed"], interval_seconds=2, max_attempts=2, backoff_rate=2),
        ],
        result_path="$.Test",
    )
