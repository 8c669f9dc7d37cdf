"""Finds where the artifacts of SageMaker models are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.exceptions import ClientError

from retraining.hooks.aws_errors import is_gone

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient  # noqa: F401


class ArtifactsHook(AwsGenericHook["SageMakerClient"]):
    """Describes models.

    :param parameters: what the hooks of all services are made with.
    """

    def __init__(self, **parameters: Any) -> None:
        super().__init__(client_type="sagemaker", **parameters)

    def artifact_of(self, model: str) -> str | None:
        """``s3://`` URI of a model's artifact; None when the model is gone or has none."""
        try:
            described = self.conn.describe_model(ModelName=model)
        except ClientError as error:
            if is_gone(error):
                return None
            raise
        return described.get("PrimaryContainer", {}).get("ModelDataUrl")

    def bucket_of(self, model: str) -> str | None:
        """Bucket of a model's artifact: each stack has one of its own."""
        artifact = self.artifact_of(model)
        return S3Hook.parse_s3_url(artifact)[0] if artifact else None
