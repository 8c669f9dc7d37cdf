"""What operators that start executions have in common as tasks of Airflow."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.links.step_function import (
    StateMachineDetailsLink,
    StateMachineExecutionsDetailsLink,
)
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.sdk.exceptions import AirflowFailException

from retraining import airflow_internals
from retraining.arns import partition_of, region_of, state_machine_of
from retraining.errors import RetrainingError
from retraining.execution.name import run_identity
from retraining.hooks.aws_errors import clear_aws_errors
from retraining.hooks.run_executions import RunExecutions, StartingTask
from retraining.hooks.state_machine import StateMachineHook

if TYPE_CHECKING:
    from airflow.sdk import Context


class BaseStartOperator(AwsBaseOperator[StateMachineHook]):
    """Starts an execution, returns its ARN and links to it; what it starts, and with what, is its own."""

    aws_hook_class = StateMachineHook
    operator_extra_links = (StateMachineExecutionsDetailsLink(), StateMachineDetailsLink())
    _executions: RunExecutions | None = None

    @property
    @abstractmethod
    def target(self) -> str:
        """ARN of the state machine, or of one of its versions."""

    @abstractmethod
    def make_input(self, name: str, context: Context) -> dict[str, Any]:
        """Make the execution's input.

        :param name: the execution's name.
        :raises RetrainingError: when the run's configuration does not allow one.
        """

    @property
    def executions(self) -> RunExecutions:
        """Those of the run; while the task executes."""
        if self._executions is None:
            raise RuntimeError(f"{self.task_id} does not execute")
        return self._executions

    def execute(self, context: Context) -> str:
        """Start, or adopt what an earlier try started."""
        self._executions = RunExecutions(self.hook, self.target, self._starting_task(context))
        try:
            with clear_aws_errors(self.aws_conn_id):
                self._executions.stop_earlier()
                arn = self._executions.start(lambda name: self.make_input(name, context))
        except RetrainingError as error:
            raise AirflowFailException(str(error)) from None
        where = {"region_name": region_of(arn), "aws_partition": partition_of(arn)}
        StateMachineExecutionsDetailsLink.persist(context, self, execution_arn=arn, **where)
        StateMachineDetailsLink.persist(context, self, state_machine_arn=state_machine_of(arn), **where)
        return arn

    def on_kill(self) -> None:
        """Stop what this task may have started just before it was killed."""
        if self._executions:
            self._executions.stop()

    def _starting_task(self, context: Context) -> StartingTask:
        run, ti = context["dag_run"], context["ti"]
        return StartingTask(
            dag_id=run.dag_id,
            run_id=run.run_id,
            task_id=self.task_id,
            attempt=airflow_internals.attempt_of(run),
            is_retry=ti.try_number > 1,
            start=self._start_id(ti.map_index),
            identity=run_identity(run.start_date, airflow_internals.dag_version_of(ti)),
        )

    def _start_id(self, map_index: int | None) -> str:
        """Tell this start from the others of its run; empty where there is no other."""
        if map_index is not None and map_index >= 0:
            return f"{self.task_id}[{map_index}]"
        tasks = self.dag.tasks if self.has_dag() else []  # type: ignore[no-untyped-call]
        starts = [task for task in tasks if airflow_internals.is_a(task, BaseStartOperator)]
        return self.task_id if len(starts) > 1 else ""
