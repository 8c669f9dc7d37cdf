"""Starts executions that point an endpoint at an earlier model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields

from retraining.arns import stack_of
from retraining.deployment.hold import Hold
from retraining.deployment.rollback import AcceptedModel, RollbackConfig, choose_model, rollback_input
from retraining.errors import RunConfigError
from retraining.execution.execution_input import ExecutionInput
from retraining.model.folders import load_spec
from retraining.operators.base_start import BaseStartOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from retraining.deployment.aws.accepted_models import AcceptedModelsHook
    from retraining.hooks.stack import Stack


class StartRollbackOperator(BaseStartOperator):
    """Start an execution that deploys a model which was accepted earlier; it trains nothing.

    The run's params choose the model, see :class:`~retraining.deployment.rollback.RollbackConfig`. A retry,
    or clearing the run, goes to the model that was chosen first: by then the endpoint may serve another. The
    endpoint is held to it unless ``hold`` is false, which releases one that is held.

    :param model_folder: folder with ``model.yaml``.
    :param deployment: what ``DeployWorkflowOperator`` returned.
    """

    template_fields: Sequence[str] = aws_template_fields("model_folder", "deployment")
    ui_color = "#f4cccc"

    def __init__(self, *, model_folder: Path | str, deployment: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_folder = str(model_folder)
        self.deployment = deployment

    @property
    def target(self) -> str:
        """The version that was deployed."""
        return str(self.deployment["state_machine"])

    def make_input(self, name: str, context: Context) -> dict[str, Any]:
        """Choose the model and make the input.

        :raises RunConfigError: when the params name no model that is there; lists those that are.
        """
        from retraining.deployment.aws.accepted_models import AcceptedModelsHook
        from retraining.deployment.aws.endpoint_owner import EndpointOwnerHook
        from retraining.hooks.stack import StackHook

        run = context["dag_run"]
        spec = load_spec(Path(self.model_folder))
        config = RollbackConfig.from_params(context["params"], spec)
        if latest := self.executions.latest_input():
            before = ExecutionInput.from_dict(latest)
            if before.endpoint_config_name == name:
                return latest
            config = config.model_copy(update={"to_model": before.model_name, "to_window_end": None})
        owner = stack_of(self.target)
        EndpointOwnerHook(**self._hook_parameters).check(config.endpoint, owner)
        hook = AcceptedModelsHook(**self._hook_parameters)
        served = hook.served(config.endpoint)
        stack = StackHook(**self._hook_parameters).read(owner)
        model = self._choose(hook, spec.name, config, served, stack)
        self.log.info("Rolling %s back from %s to %s", config.endpoint, served or "nothing", model)
        reason = config.reason or f"rolled back from {served or 'nothing'}"
        return rollback_input(
            name=name,
            model=model,
            config=config,
            served=served,
            hold=Hold.of(run, reason) if config.hold else None,
            dag_id=run.dag_id,
            run_id=run.run_id,
            spec=spec,
            deployment=self.deployment,
        ).to_dict()

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
