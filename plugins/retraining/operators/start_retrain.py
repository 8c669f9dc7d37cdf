"""Starts a model's retrains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields

from retraining.arns import stack_of
from retraining.execution.input import retrain_input
from retraining.model.folders import load_spec
from retraining.operators.base_start import BaseStartOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class StartRetrainOperator(BaseStartOperator):
    """Start a model's retrain for the run's data interval and params, on the version that was just deployed.

    :param model_folder: folder with ``model.yaml``.
    :param deployment: what ``DeployWorkflowOperator`` returned.
    """

    template_fields: Sequence[str] = aws_template_fields("model_folder", "deployment")
    ui_color = "#e6f0ff"

    def __init__(self, *, model_folder: Path | str, deployment: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_folder = str(model_folder)
        self.deployment = deployment

    @property
    def target(self) -> str:
        """The version that was deployed."""
        return str(self.deployment["state_machine"])

    def make_input(self, name: str, context: Context) -> dict[str, Any]:
        """Make the input from the run's params and data interval.

        :raises RunConfigError: for wrong params, and for an endpoint of another stack.
        """
        given = retrain_input(
            name=name,
            params=context["params"],
            run=context["dag_run"],
            spec=load_spec(Path(self.model_folder)),
            deployment=self.deployment,
        )
        if given.deploy_policy != "never":
            from retraining.deployment.aws.endpoint_owner import EndpointOwnerHook  # not to parse a DAG

            EndpointOwnerHook(**self._hook_parameters).check(given.endpoint_name, stack_of(self.target))
        return given.to_dict()
