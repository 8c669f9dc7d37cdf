"""Starts executions that point an endpoint at an earlier model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retraining.airflow_internals import attempt_of
from retraining.arns import execution_arn, stack_of
from retraining.deployment.rollback import AcceptedModel, RollbackConfig, choose_model, rollback_input
from retraining.errors import RunConfigError
from retraining.execution.name import is_same_run
from retraining.model.folders import load_spec
from retraining.operators.start_execution import StartRetrainOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from retraining.deployment.aws.accepted_models import AcceptedModelsHook
    from retraining.hooks.stack import Stack


class StartRollbackOperator(StartRetrainOperator):
    """Start an execution that deploys a model which was accepted earlier; it trains nothing.

    The run's params choose the model, see :class:`~retraining.deployment.rollback.RollbackConfig`. A retry,
    or clearing the run, goes to the model that was chosen first: by then the endpoint may serve another.

    :param model_folder: folder with ``model.yaml``.
    :param deployment: what ``DeployWorkflowOperator`` returned.
    """

    ui_color = "#f4cccc"

    def make_input(self, name: str, context: Context) -> dict[str, Any]:
        """Choose the model and make the input.

        :raises RunConfigError: when the params name no model that is there; lists those that are.
        """
        from retraining.deployment.aws.accepted_models import AcceptedModelsHook
        from retraining.hooks.stack import StackHook

        run = context["dag_run"]
        spec = load_spec(Path(self.model_folder))
        config = RollbackConfig.from_params(context["params"], spec)
        if before := self._chosen_before(context):
            if before["EndpointConfigName"] == name:
                return before
            config = config.model_copy(update={"to_model": before["ModelName"], "to_window_end": None})
        self.check_owner(config.endpoint)
        hook = AcceptedModelsHook(**self._hook_parameters)
        served = hook.served(config.endpoint)
        stack = StackHook(**self._hook_parameters).read(stack_of(self.state_machine_arn))
        model = self._choose(hook, spec.name, config, served, stack)
        self.log.info("Rolling %s back from %s to %s", config.endpoint, served or "nothing", model)
        return rollback_input(
            name=name,
            model=model,
            config=config,
            served=served,
            dag_id=run.dag_id,
            run_id=run.run_id,
            spec=spec,
            deployment=self.deployment,
        )

    def _chosen_before(self, context: Context) -> dict[str, Any] | None:
        """Input of the run's latest execution, if it has one."""
        for attempt in range(attempt_of(context["dag_run"]), 0, -1):
            for name in self.names(attempt, context):
                if execution := self.hook.find(execution_arn(self.state_machine_arn, name)):
                    given: dict[str, Any] = json.loads(execution["input"])
                    if is_same_run(given, self.identity(context)):
                        return given
        return None

    def _choose(
        self,
        hook: AcceptedModelsHook,
        model: str,
        config: RollbackConfig,
        served: str | None,
        stack: Stack,
    ) -> AcceptedModel:
        models = hook.accepted(model)
        while True:
            chosen = choose_model(models, config, served, stack.name)
            missing = hook.missing(chosen, stack)
            if missing is None:
                return chosen
            if config.is_explicit:
                raise RunConfigError(f"{chosen} cannot be deployed: {missing}")
            self.log.warning("%s is passed over: %s", chosen, missing)
            models.remove(chosen)
