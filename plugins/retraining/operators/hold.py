"""Holds endpoints to their models, and releases them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowFailException

from retraining import settings
from retraining.deployment.hold import Hold
from retraining.errors import RetrainingError, RunConfigError
from retraining.hooks.aws_errors import clear_aws_errors
from retraining.hooks.stack import StackHook

if TYPE_CHECKING:
    from airflow.sdk import Context


class HoldEndpointOperator(AwsBaseOperator[StackHook]):
    """Hold an endpoint to the model that serves: retrains end as ``held`` until it is released.

    One that is deploying meanwhile is put back. Returns the endpoint, the model, and who holds it, why and
    since when; the user who triggered the run, or where Airflow knows of none, the run.

    :param endpoint: the SageMaker endpoint.
    :param reason: why.
    :param stack_name: the CloudFormation stack (default: ``[retraining] stack_name``).
    """

    aws_hook_class = StackHook
    template_fields: Sequence[str] = aws_template_fields("endpoint", "reason", "stack_name")
    ui_color = "#f4cccc"

    def __init__(
        self, *, endpoint: str, reason: str = "", stack_name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.reason = reason
        self.stack_name = stack_name or settings.stack_name()

    def execute(self, context: Context) -> dict[str, Any]:
        """Write it into the stack's table.

        :raises AirflowFailException: there is no such endpoint, or it is another stack's.
        """
        from retraining.deployment.aws.accepted_models import AcceptedModelsHook
        from retraining.deployment.aws.endpoint_owner import EndpointOwnerHook
        from retraining.deployment.aws.holds import HoldsHook

        hold = Hold.of(context["dag_run"], self.reason or f"DAG run {context['dag_run'].run_id}")
        try:
            with clear_aws_errors(self.aws_conn_id):
                EndpointOwnerHook(**self._hook_parameters).check(self.endpoint, self.stack_name)
                served = AcceptedModelsHook(**self._hook_parameters).served(self.endpoint)
                if served is None:
                    raise RunConfigError(f"endpoint: {self.endpoint!r} serves nothing that could be held")
                table = self.hook.read(self.stack_name).deployments_table
                before = HoldsHook(**self._hook_parameters).hold(table, self.endpoint, hold)
        except RetrainingError as error:
            raise AirflowFailException(str(error)) from None
        if before.hold:
            self.log.info("%s was held %s", self.endpoint, before.hold)
        # What is being updated to, and was not tested, is put back.
        model = before.model or served
        self.log.info("%s is held to %s %s", self.endpoint, model, hold)
        return {"endpoint": self.endpoint, "model_name": model, **_told(hold)}


class ReleaseEndpointOperator(AwsBaseOperator[StackHook]):
    """Release an endpoint that is held: the next accepted retrain of a newer window is deployed.

    Returns who held it, why and since when; nothing where nobody did, which is no error.

    :param endpoint: the SageMaker endpoint.
    :param stack_name: the CloudFormation stack (default: ``[retraining] stack_name``).
    """

    aws_hook_class = StackHook
    template_fields: Sequence[str] = aws_template_fields("endpoint", "stack_name")
    ui_color = "#d9ead3"

    def __init__(self, *, endpoint: str, stack_name: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.stack_name = stack_name or settings.stack_name()

    def execute(self, context: Context) -> dict[str, Any] | None:  # noqa: ARG002
        """Write it into the stack's table.

        :raises AirflowFailException: the endpoint is another stack's.
        """
        from retraining.deployment.aws.endpoint_owner import EndpointOwnerHook
        from retraining.deployment.aws.holds import HoldsHook

        try:
            with clear_aws_errors(self.aws_conn_id):
                EndpointOwnerHook(**self._hook_parameters).check(self.endpoint, self.stack_name)
                table = self.hook.read(self.stack_name).deployments_table
                before = HoldsHook(**self._hook_parameters).release(table, self.endpoint)
        except RetrainingError as error:
            raise AirflowFailException(str(error)) from None
        if before.hold is None:
            self.log.info("Nobody holds %s", self.endpoint)
            return None
        self.log.info("%s is released; it was held %s", self.endpoint, before.hold)
        return {"endpoint": self.endpoint, "model_name": before.model, **_told(before.hold)}


def _told(hold: Hold) -> dict[str, str]:
    """By the names of a gate report."""
    return {"held_by": hold.by, "held_because": hold.reason, "held_since": hold.since}
