"""The project's AWS resources, found through the CloudFormation stack's outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from botocore.exceptions import ClientError

from retraining.errors import StackError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient  # noqa: F401

_OUTPUTS = (
    "Bucket",
    "GlueJobName",
    "MetricsFunctionName",
    "EndpointTestFunctionName",
    "DeploymentFunctionName",
    "DeploymentsTable",
    "StateMachineRoleArn",
    "TrainingRoleArn",
)


@dataclass(frozen=True)
class Stack:
    """The stack's outputs (``include/cloudformation/template.yaml``).

    :param account: account ID, ``partition`` and ``region`` are those the stack is in.
    :param subnets: IDs of the subnets for training jobs and models, with ``security_groups``; empty where the
        stack was not given any.
    :param kms_key: ARN of the key for their volumes and for what training writes, where there is one.
    """

    name: str
    partition: str
    region: str
    account: str
    bucket: str
    glue_job: str
    metrics_function: str
    endpoint_test_function: str
    deployment_function: str
    deployments_table: str
    state_machine_role: str
    training_role: str
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    kms_key: str | None = None

    def state_machine_arn(self, model: str) -> str:
        """ARN of a model's state machine, whether it exists or not."""
        return f"arn:{self.partition}:states:{self.region}:{self.account}:stateMachine:{self.name}-{model}"


class StackHook(AwsGenericHook["CloudFormationClient"]):
    """Reads a CloudFormation stack's outputs, so that nobody pastes ARNs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "cloudformation"
        super().__init__(*args, **kwargs)

    def read(self, stack_name: str) -> Stack:
        """Describe the stack; one AWS call.

        :raises StackError: when there is no such stack, or it lacks an output.
        """
        try:
            stack = self.conn.describe_stacks(StackName=stack_name)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise StackError(
                f"[retraining] stack_name: there is no CloudFormation stack {stack_name!r}"
                f" in {self.conn.meta.region_name}"
            ) from None
        outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
        if missing := [name for name in _OUTPUTS if name not in outputs]:
            raise StackError(
                f"stack {stack_name!r} ({stack['StackStatus']}) lacks outputs {', '.join(missing)};"
                " it must be made from include/cloudformation/template.yaml"
            )
        _, partition, _, region, account, _ = stack["StackId"].split(":", 5)
        return Stack(
            name=stack_name,
            partition=partition,
            region=region,
            account=account,
            bucket=outputs["Bucket"],
            glue_job=outputs["GlueJobName"],
            metrics_function=outputs["MetricsFunctionName"],
            endpoint_test_function=outputs["EndpointTestFunctionName"],
            deployment_function=outputs["DeploymentFunctionName"],
            deployments_table=outputs["DeploymentsTable"],
            state_machine_role=outputs["StateMachineRoleArn"],
            training_role=outputs["TrainingRoleArn"],
            subnets=_items(outputs.get("SubnetIds")),
            security_groups=_items(outputs.get("SecurityGroupIds")),
            kms_key=outputs.get("KmsKeyArn"),
        )


def _items(output: str | None) -> tuple[str, ...]:
    return tuple(output.split(",")) if output else ()
