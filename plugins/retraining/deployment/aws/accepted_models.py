"""Finds the models that an endpoint can be rolled back to, and what it serves now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.exceptions import ClientError

from retraining.deployment.rollback import AcceptedModel
from retraining.hooks.artifacts import ArtifactsHook
from retraining.hooks.aws_errors import is_gone
from retraining.hooks.stack import Stack
from retraining.hooks.tags import (
    ENDPOINT_TAG,
    METRIC_TAG,
    RUN_TAG,
    STACK_TAG,
    WINDOW_END_TAG,
    WINDOW_START_TAG,
    TagsHook,
)

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient  # noqa: F401

_NEEDED = {RUN_TAG, WINDOW_START_TAG, WINDOW_END_TAG, ENDPOINT_TAG}


class AcceptedModelsHook(AwsGenericHook["SageMakerClient"]):
    """Reads accepted models by their tags.

    :param parameters: what the hooks of all services are made with.
    """

    def __init__(self, **parameters: Any) -> None:
        super().__init__(client_type="sagemaker", **parameters)
        self._tags = TagsHook(**parameters)
        self._artifacts = ArtifactsHook(**parameters)
        self._s3 = S3Hook(**parameters)

    def accepted(self, model: str) -> list[AcceptedModel]:
        """List a model folder's accepted models, of all stacks; some may just have been deleted."""
        found = self._tags.tagged(model, "sagemaker:model")
        return [
            AcceptedModel(
                # An ARN has the name in lower case.
                name=tags[RUN_TAG] if tags[RUN_TAG].lower() == name.lower() else name,
                run=tags[RUN_TAG],
                window_start=tags[WINDOW_START_TAG],
                window_end=tags[WINDOW_END_TAG],
                endpoint=tags[ENDPOINT_TAG],
                metric=tags.get(METRIC_TAG),
                stack=tags.get(STACK_TAG),
            )
            for name, tags in ((arn.rpartition("/")[2], tags) for arn, tags in found.items())
            if tags.keys() >= _NEEDED
        ]

    def served(self, endpoint: str) -> str | None:
        """Name the model that an endpoint serves, or is being updated to; None for no endpoint."""
        try:
            described = self.conn.describe_endpoint(EndpointName=endpoint)
            pending: Any = described.get("PendingDeploymentSummary", {})
            config = pending.get("EndpointConfigName") or described["EndpointConfigName"]
            variants = self.conn.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
        except ClientError as error:
            if is_gone(error):
                return None
            raise
        return variants[0].get("ModelName")

    def missing(self, model: AcceptedModel, stack: Stack) -> str | None:
        """Say what a model lacks to be served and tested; None when all is there."""
        artifact = self._artifacts.artifact_of(model.name)
        if artifact is None:
            return f"{model.name} was deleted"
        bucket, key = self._s3.parse_s3_url(artifact)
        if bucket != stack.bucket:
            return f"{artifact} is another stack's; that of {stack.name} is {stack.bucket}"
        rows = f"runs/{model.run}/validation/"
        # Listing asks for fewer rights than a look at the object, which takes the right to read it.
        if not self._s3.list_keys(bucket, prefix=key, max_items=1):
            return f"{artifact} was deleted"
        if not self._s3.list_keys(bucket, prefix=rows, max_items=1):
            return f"s3://{bucket}/{rows} was deleted, whose rows the endpoint is tested with"
        return None
