"""The input of a retrain's execution."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from retraining.errors import RunConfigError
from retraining.execution.execution_input import ExecutionInput
from retraining.execution.run_config import RunConfig
from retraining.execution.window import Window, iso
from retraining.model.hyperparameters import as_strings, computes
from retraining.model.local_storage import key_problem
from retraining.model.spec import ModelSpec


class Run(Protocol):
    """What a retrain needs to know of a DAG run; Airflow's own DagRun does."""

    @property
    def dag_id(self) -> str: ...
    @property
    def run_id(self) -> str: ...
    @property
    def run_type(self) -> str: ...
    @property
    def run_after(self) -> datetime: ...
    @property
    def data_interval_end(self) -> datetime | None: ...


def retrain_input(
    *, name: str, params: Mapping[str, Any], run: Run, spec: ModelSpec, deployment: Mapping[str, str]
) -> ExecutionInput:
    """Make the input of a retrain's execution.

    :param name: from :func:`execution_name`; model and endpoint config get it too, and the training job with
        a number behind it, 0 unless an earlier training came to nothing.
    :param params: the run's params, see :class:`RunConfig`.
    :param run: decides where the window ends by default, and what deploy policy ``auto`` means.
    :param deployment: what ``DeployWorkflowOperator`` returned.
    :raises RunConfigError: names each wrong param, its value and what is allowed.
    """
    config = RunConfig.from_params(params, spec)
    # A run triggered without a logical date has no data interval.
    end = config.window_end or run.data_interval_end or run.run_after
    if config.window_start:
        window = Window.between(config.window_start, end, spec)
    else:
        window = Window.ending(end, spec, config.window_days or spec.window_days)
    hyperparameters = {**spec.hyperparameters, **config.hyperparameters}
    if not computes(hyperparameters, spec.gate.metric):
        raise RunConfigError(
            f"hyperparameters.eval_metric: {hyperparameters['eval_metric']!r} must contain"
            f" {spec.gate.metric.partition(':')[2]!r}, which the gate compares"
        )
    key = deployment.get("kms_key")
    if problem := key_problem("training_instance_type", config.training_instance_type, key):
        raise RunConfigError(problem)
    return ExecutionInput(
        training_job_name=name,
        glue_job_name=deployment["glue_job"],
        model_name=name,
        endpoint_config_name=name,
        endpoint_name=config.endpoint,
        lambda_function_name=deployment["metrics_function"],
        endpoint_test_function_name=deployment["endpoint_test_function"],
        deployment_function_name=deployment["deployment_function"],
        deployments_table=deployment["deployments_table"],
        window_start=iso(window.start),
        validation_start=iso(window.validation_start),
        window_end=iso(window.end),
        as_of=iso(config.as_of or window.end),
        threshold=config.threshold,
        deploy_policy=config.deploys(run.run_type),
        beat_champion_by=spec.gate.beat_champion_by,
        training_instance_type=config.training_instance_type,
        hyperparameters=as_strings(hyperparameters),
        dag_id=tag_value(run.dag_id),
        run_id=tag_value(run.run_id),
        fingerprint=deployment["fingerprint"],
    )


def tag_value(text: str) -> str:
    """Make a text fit a tag of AWS: what is not allowed there becomes ``_``.

    :return: at most 256 characters of letters, digits, spaces and ``_.:/=+-@`` (SageMaker, Tag).
    """
    return re.sub(r"[^\w .:/=+@-]", "_", text)[:256]
