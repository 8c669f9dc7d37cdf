"""Starts executions under names that make every try of a task find the same one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.links.step_function import (
    StateMachineDetailsLink,
    StateMachineExecutionsDetailsLink,
)
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk.exceptions import AirflowFailException

from retraining import airflow_internals
from retraining.arns import (
    execution_arn,
    machine_name,
    partition_of,
    region_of,
    stack_of,
    state_machine_of,
)
from retraining.errors import RetrainingError, RunConfigError
from retraining.execution.causes import kill_cause
from retraining.execution.input import retrain_input
from retraining.execution.name import execution_name, is_same_run, name_before_stacks, run_identity
from retraining.hooks.aws_errors import clear_aws_errors
from retraining.hooks.state_machine import StateMachineHook
from retraining.model.folders import load_spec

if TYPE_CHECKING:
    from airflow.sdk import Context


class StartExecutionOperator(AwsBaseOperator[StateMachineHook]):
    """Start one execution for the DAG run; a retry finds the execution that was started before.

    Returns the execution's ARN. Several of these tasks in one DAG, and mapped ones, start an execution each.
    What another Airflow's run of the same name has started is refused.

    :param state_machine_arn: the state machine, or one of its versions.
    :param execution_input: the execution's input; ``RunStarted`` and ``DagVersion``, which tell the run from
        another Airflow's, are added to it.
    """

    aws_hook_class = StateMachineHook
    template_fields: Sequence[str] = aws_template_fields("state_machine_arn", "execution_input")
    ui_color = "#e6f0ff"
    operator_extra_links = (StateMachineExecutionsDetailsLink(), StateMachineDetailsLink())

    def __init__(
        self, *, state_machine_arn: str, execution_input: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.state_machine_arn = state_machine_arn
        self.execution_input = execution_input or {}
        self._starting: tuple[str, str] | None = None

    def make_input(self, name: str, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Make the execution's input; for subclasses that compute it.

        :param name: the execution's name.
        :raises RetrainingError: when the run's configuration does not allow one.
        """
        return self.execution_input

    def execute(self, context: Context) -> str:
        """Start, or adopt what an earlier try started."""
        run = context["dag_run"]
        attempt = airflow_internals.attempt_of(run)
        try:
            with clear_aws_errors(self.aws_conn_id):
                self._stop_earlier(run, attempt, context)
                arn = self._start(run, attempt, context)
        except RetrainingError as error:
            raise AirflowFailException(str(error)) from None
        self._persist_links(context, arn)
        return arn

    def names(self, attempt: int, context: Context) -> list[str]:
        """What an attempt's execution is called, and what it was called before names told stacks apart."""
        run, start = context["dag_run"], self._start_id(context)
        name = execution_name(
            run.dag_id,
            run.run_id,
            attempt,
            state_machine=machine_name(self.state_machine_arn),
            start=start,
        )
        return [name] if start else [name, name_before_stacks(run.dag_id, run.run_id, attempt)]

    @staticmethod
    def identity(context: Context) -> dict[str, str]:
        """What tells this run from another Airflow's of the same name."""
        return run_identity(context["dag_run"].start_date, airflow_internals.dag_version_of(context["ti"]))

    def _start_id(self, context: Context) -> str:
        """Tell this start from the others of its run; empty where there is no other."""
        index = context["ti"].map_index
        tasks = self.dag.tasks if self.has_dag() else []  # type: ignore[no-untyped-call]
        starts = [task for task in tasks if airflow_internals.is_a(task, StartExecutionOperator)]
        if index is not None and index >= 0:
            return f"{self.task_id}[{index}]"
        return self.task_id if len(starts) > 1 else ""

    def _stop_earlier(self, run: Any, attempt: int, context: Context) -> None:
        """Stop what an earlier attempt left running: a person has cleared it, to have it done again."""
        names = [self.names(earlier, context) for earlier in range(1, attempt)]
        arns = [[execution_arn(self.state_machine_arn, name) for name in either] for either in names]
        for execution in self.hook.find_begun(*arns):
            arn = execution["executionArn"]
            if execution["status"] != "RUNNING":
                continue
            if not is_same_run(json.loads(execution["input"]), self.identity(context)):
                raise RunConfigError(
                    f"{arn} is running, and was started by another DAG run of this name, in another"
                    " Airflow or before this DAG changed; wait for its end, or stop it"
                )
            self.hook.stop(arn, kill_cause(run.dag_id, run.run_id, self.task_id))

    def _start(self, run: Any, attempt: int, context: Context) -> str:
        name, *before = self.names(attempt, context)
        # An earlier try may have begun before the names changed.
        for found in before if context["ti"].try_number > 1 else ():
            if self.hook.find(execution_arn(self.state_machine_arn, found)):
                name = found
        cause = kill_cause(run.dag_id, run.run_id, self.task_id)
        self._starting = execution_arn(self.state_machine_arn, name), cause
        given = self.make_input(name, context)
        if name not in before:
            given = given | self.identity(context)
        return self.hook.start_or_adopt(self.state_machine_arn, name, given)

    def _persist_links(self, context: Context, arn: str) -> None:
        where = {"region_name": region_of(arn), "aws_partition": partition_of(arn)}
        StateMachineExecutionsDetailsLink.persist(context, self, execution_arn=arn, **where)
        StateMachineDetailsLink.persist(context, self, state_machine_arn=state_machine_of(arn), **where)

    def on_kill(self) -> None:
        """Stop what this task may have started just before it was killed."""
        if self._starting:
            self.hook.stop(*self._starting)


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
        if given["DeployPolicy"] != "never":
            self.check_owner(given["EndpointName"])
        return given

    def check_owner(self, endpoint: str) -> None:
        """Refuse an endpoint that another stack owns, before anything is started.

        :raises RunConfigError: says which stack.
        """
        from retraining.deployment.aws.endpoint_owner import EndpointOwnerHook  # not to parse a DAG

        EndpointOwnerHook(**self._hook_parameters).check(endpoint, stack_of(self.state_machine_arn))
