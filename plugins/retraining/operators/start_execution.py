"""Starts executions of any state machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields

from retraining.operators.base_start import BaseStartOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class StartExecutionOperator(BaseStartOperator):
    """Start one execution for the DAG run; a retry finds the execution that was started before.

    Returns the execution's ARN. Several of these tasks in one DAG, and mapped ones, start an execution each.
    What another Airflow's run of the same name has started is refused.

    :param state_machine_arn: the state machine, or one of its versions.
    :param execution_input: the execution's input; ``RunStarted`` and ``DagVersion``, which tell the run from
        another Airflow's, are added to it.
    """

    template_fields: Sequence[str] = aws_template_fields("state_machine_arn", "execution_input")
    ui_color = "#e6f0ff"

    def __init__(
        self, *, state_machine_arn: str, execution_input: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.state_machine_arn = state_machine_arn
        self.execution_input = execution_input or {}

    @property
    def target(self) -> str:
        """The state machine that was given."""
        return self.state_machine_arn

    def make_input(self, name: str, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Give the input that was given; for subclasses that compute it."""
        return self.execution_input
