"""The steps that deploy an accepted model: each function builds one state of the state machine."""

from __future__ import annotations

from sagemaker.model import Model
from stepfunctions.inputs import ExecutionInput
from stepfunctions.steps import EndpointConfigStep, EndpointStep, ModelStep, Task, TrainingStep
from stepfunctions.steps.integration_resources import get_aws_partition

from include.workflow.steps import sagemaker_retries
from retraining.spec import ModelSpec


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
