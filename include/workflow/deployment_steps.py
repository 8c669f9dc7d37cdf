"""The steps that deploy an accepted model: each function builds one state of the state machine."""

from __future__ import annotations

from typing import Any

from sagemaker.model import Model
from stepfunctions.inputs import ExecutionInput
from stepfunctions.steps import (
    DynamoDBPutItemStep,
    EndpointConfigStep,
    EndpointStep,
    LambdaStep,
    ModelStep,
    Retry,
    Task,
    TrainingStep,
)
from stepfunctions.steps.integration_resources import get_aws_partition

from include.workflow.blocks import AnsweringLambda, Intrinsic, PatientRetry
from include.workflow.steps import (
    GATED,
    LAMBDA_BUSY,
    busy,
    etl_uri,
    owner_tags,
    run_tags,
    sagemaker_retries,
)
from retraining.model.serving_spec import TO_START, TrafficShifting
from retraining.model.spec import ModelSpec
from retraining.workflow.surroundings import Surroundings

# Where what a state has done is left, or the error: the decision looks at it.
DONE = "$.Done"
# What the decision function answers with (include/lambdas/deployment/handler.py).
ANSWER = (
    *("Action", "Memory", "Config", "Item", "Version", "Claimed", "Seconds", "Outcome", "Hold"),
    *("ProductionVariants", "DataCaptureConfig", "Notes", "RetainAllVariantProperties"),
)
# DynamoDB's own name is behind it.
TAKEN = "DynamoDB.ConditionalCheckFailedException"
# The table's item has not changed since the decision looked at it.
UNCHANGED = (
    "(attribute_not_exists(Version) OR Version = :Version)"
    " AND (attribute_not_exists(EndpointConfigName) OR EndpointConfigName = :Claimed)"
)


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
        result_path=DONE,
    )
    # The SDK leaves a model's network out.
    network = {"Subnets": list(aws.subnets), "SecurityGroupIds": list(aws.security_groups)}
    step.update_parameters({**step.fields["parameters"], "VpcConfig": network})
    return step


def endpoint_config_step(spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> EndpointConfigStep:
    """Describe how the model is served: as the decision has merged model.yaml with what is served.

    It has no retries, as those that change the endpoint: the decision tells which refusals pass. The
    integration that EndpointConfigStep uses takes no DataCaptureConfig
    (https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html).
    """
    step = EndpointConfigStep(
        "Create endpoint config",
        endpoint_config_name=given["EndpointConfigName"],
        model_name=given["ModelName"],
        initial_instance_count=spec.serving.instance_count,
        instance_type=spec.serving.instance_type,
        tags=run_tags(spec, aws, given),
        result_path=DONE,
    )
    step.fields["resource"] = _sagemaker("createEndpointConfig")
    merged = {name: Intrinsic(f"$.Next.{name}") for name in ("ProductionVariants", "DataCaptureConfig")}
    step.update_parameters({**step.fields["parameters"], **merged, "KmsKeyId": aws.kms_key})
    return step


def _sagemaker(action: str) -> str:
    return f"arn:{get_aws_partition()}:states:::aws-sdk:sagemaker:{action}"


def decision_step(spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> AnsweringLambda:
    """Find out what is to be done next. A deployment that fails, fails here, so that it can be redriven."""
    payload = {
        "Execution": Intrinsic("$$.Execution"),
        "State": Intrinsic("$"),
        "Stack": aws.stack,
        "Bucket": aws.bucket,
        "Serving": _serving(spec, aws),
        "KmsKeyId": aws.kms_key,
    }
    watched = {"DeploymentConfig": _blue_green(spec)} if _in_steps(spec) else {}
    return AnsweringLambda(
        "Decide what is next",
        fields=(*ANSWER, *watched),
        parameters={"FunctionName": given["DeploymentFunctionName"], "Payload": payload | watched},
        retry=[busy(LAMBDA_BUSY)],
        result_path="$.Next",
    )


def _serving(spec: ModelSpec, aws: Surroundings) -> dict[str, Any]:
    serving = spec.serving
    said = {"instance_type": serving.instance_type, "instance_count": serving.instance_count}
    if serving.data_capture is None:
        return said
    place = f"s3://{aws.bucket}/capture/{serving.data_capture.folder or spec.name}"
    return {**said, "data_capture": {"percentage": serving.data_capture.percentage, "place": place}}


def write_claim_step(given: ExecutionInput) -> DynamoDBPutItemStep:
    """Say what the endpoint is to serve, and what is proven, unless somebody has written since the decision.

    DynamoDB decides between executions that want the same endpoint: SageMaker has no such condition.
    """
    patient = PatientRetry(
        error_equals=["States.TaskFailed"],
        interval_seconds=1,
        max_attempts=8,
        backoff_rate=2,
        max_delay_seconds=60,
    )
    return DynamoDBPutItemStep(
        "Write claim",
        parameters={
            "TableName": given["DeploymentsTable"],
            "Item": Intrinsic("$.Next.Item"),
            "ConditionExpression": UNCHANGED,
            "ExpressionAttributeValues": {
                ":Version": {"N": Intrinsic("$.Next.Version")},
                ":Claimed": {"S": Intrinsic("$.Next.Claimed")},
            },
        },
        retry=[Retry(error_equals=[TAKEN], max_attempts=0), patient],
        result_path=DONE,
    )


def create_endpoint_step(spec: ModelSpec, aws: Surroundings, given: ExecutionInput) -> EndpointStep:
    """Create the endpoint; its tag keeps other stacks away.

    Neither this step nor those that update and delete have retries: what the endpoint is to serve has to be
    looked at anew before it is tried again.
    """
    return EndpointStep(
        "Create endpoint",
        endpoint_name=given["EndpointName"],
        endpoint_config_name=Intrinsic("$.Next.Config"),
        tags=owner_tags(spec, aws),
        result_path=DONE,
    )


def update_endpoint_step(spec: ModelSpec, given: ExecutionInput) -> Task:
    """Point the endpoint at what the decision says: our model, or the one that was proven last.

    The number of instances is retained, and where the old fleet is to stay for a while, the decision says
    what alarms watch it. The integration that EndpointStep uses takes two names only
    (https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html).
    """
    told = ("RetainAllVariantProperties", *(("DeploymentConfig",) if _in_steps(spec) else ()))
    return Task(
        "Update endpoint",
        resource=_sagemaker("updateEndpoint"),
        parameters={
            "EndpointName": given["EndpointName"],
            "EndpointConfigName": Intrinsic("$.Next.Config"),
            **{name: Intrinsic(f"$.Next.{name}") for name in told},
        },
        result_path=DONE,
    )


def _in_steps(spec: ModelSpec) -> bool:
    return bool(spec.serving.bake_seconds or spec.serving.traffic_shifting)


def _blue_green(spec: ModelSpec) -> dict[str, Any]:
    serving = spec.serving
    policy = {
        "TrafficRoutingConfiguration": _routing(serving.traffic_shifting),
        "TerminationWaitInSeconds": serving.bake_seconds,
    }
    if serving.traffic_shifting:
        policy["MaximumExecutionTimeoutInSeconds"] = serving.update_seconds + TO_START
    alarms = [{"AlarmName": name} for name in serving.alarms]
    rollback = {"AutoRollbackConfiguration": {"Alarms": alarms}} if alarms else {}
    return {"BlueGreenUpdatePolicy": policy, **rollback}


def _routing(shifting: TrafficShifting | None) -> dict[str, Any]:
    if shifting is None:
        return {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    sizes = {"canary": "CanarySize", "linear": "LinearStepSize"}
    step = {"Type": "CAPACITY_PERCENT", "Value": shifting.percentage}
    return {
        "Type": shifting.type.upper(),
        "WaitIntervalInSeconds": shifting.wait_seconds,
        **({sizes[shifting.type]: step} if shifting.type in sizes else {}),
    }


def delete_endpoint_step(given: ExecutionInput) -> Task:
    """Remove an endpoint that serves nobody, or only what must not be served."""
    return Task(
        "Delete endpoint",
        resource=_sagemaker("deleteEndpoint"),
        parameters={"EndpointName": given["EndpointName"]},
        result_path=DONE,
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
        result_path=DONE,
    )
