"""Finds out which stack an endpoint belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from botocore.exceptions import ClientError

from retraining.errors import RunConfigError
from retraining.hooks.aws_errors import is_gone
from retraining.hooks.tags import STACK_TAG, TagsHook

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient  # noqa: F401


class EndpointOwnerHook(AwsGenericHook["SageMakerClient"]):
    """Reads an endpoint's tags; the state machine looks again, and at endpoints that have none.

    :param parameters: what the hooks of all services are made with.
    """

    def __init__(self, **parameters: Any) -> None:
        super().__init__(client_type="sagemaker", **parameters)
        self._tags = TagsHook(**parameters)

    def check(self, endpoint: str, stack: str) -> None:
        """Refuse an endpoint that another stack owns.

        :raises RunConfigError: says which.
        """
        try:
            arn = self.conn.describe_endpoint(EndpointName=endpoint)["EndpointArn"]
        except ClientError as error:
            if is_gone(error):
                return
            raise
        owner = self._tags.tags_of([arn]).get(arn, {}).get(STACK_TAG, stack)
        if owner != stack:
            raise RunConfigError(
                f"endpoint: {endpoint!r} belongs to stack {owner!r}, not to {stack!r}; give the model another"
                " one, in model.yaml or in the run's params"
            )
