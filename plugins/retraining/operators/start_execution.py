"""Starts executions under names that make every try of a task find the same one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowFailException

from retraining.errors import RetrainingError
from retraining.execution import Window, execution_input, execution_name
from retraining.hooks.aws_errors import clear_aws_errors
from retraining.hooks.state_machine import StateMachineHook
from retraining.run_config import RunConfig
from retraining.spec import load_spec

if TYPE_CHECKING:
    from airflow.sdk import Context


class StartExecutionOperator(AwsBaseOperator[StateMachineHook]):
    """Start one execution for the DAG run; a retry finds the execution that was started before.

    Returns the execution's ARN.

    :param state_machine_arn: the state machine, or one of its versions.
    :param execution_input: the execution's input.
    """

    aws_hook_class = StateMachineHook
    template_fields: Sequence[str] = aws_template_fields("state_machine_arn", "execution_input")
    ui_color = "#e6f0ff"

    def __init__(
        self, *, state_machine_arn: str, execution_input: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.state_machine_arn = state_machine_arn
        self.execution_input = execution_input or {}

    def make_input(self, name: str, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Make the execution's input; for subclasses that compute it.

        :param name: the execution's name.
        :raises RetrainingError: when the run's configuration does not allow one.
        """
        return self.execution_input

    def execute(self, context: Context) -> str:
        """Start, or adopt what an earlier try started."""
        run = context["dag_run"]
        name = execution_name(run.dag_id, run.run_id)
        try:
            given = self.make_input(name, context)
            with clear_aws_errors(self.aws_conn_id):
                return self.hook.start_or_adopt(self.state_machine_arn, name, given)
        except RetrainingError as error:
            raise AirflowFailException(str(error)) from None


class StartRetrainOperator(StartExecutionOperator):
    """Start a model's retrain for the run's data interval and params.

    :param model_folder: folder with ``model.yaml``.
    :param deployment: what :class:`DeployWorkflowOperator` returned.
    """

    template_fields: Sequence[str] = aws_template_fields("model_folder", "deployment")

    def __init__(self, *, model_folder: Path | str, deployment: Any, **kwargs: Any) -> None:
        super().__init__(state_machine_arn="", **kwargs)
        self.model_folder = str(model_folder)
        self.deployment = deployment

    def execute(self, context: Context) -> str:
        """Start on the version that was just deployed."""
        self.state_machine_arn = self.deployment["state_machine"]
        return super().execute(context)

    def make_input(self, name: str, context: Context) -> dict[str, Any]:
        """Lay the window that ends where the run's data interval ends."""
        run = context["dag_run"]
        # A run triggered without a logical date has no data interval.
        end = run.data_interval_end or run.run_after
        config = RunConfig.from_params(context["params"])
        window = Window.ending(end, load_spec(Path(self.model_folder)), config.window_days)
        return execution_input(
            name=name,
            window=window,
            config=config,
            run_type=run.run_type,
            glue_job=self.deployment["glue_job"],
            metrics_function=self.deployment["metrics_function"],
        )
