"""A job's ExperimentConfig: the trial component that SageMaker makes of a job.

https://docs.aws.amazon.com/sagemaker/latest/dg/experiments-create.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.sagemaker.exceptions import ResourceNotFound
from moto.sagemaker.models import SageMakerModelBackend


def require_experiment(backend: SageMakerModelBackend, config: Mapping[str, Any] | None) -> None:
    """
    Refuse a job of an experiment or a trial that is not there.

    :param config: the request's ExperimentConfig.
    :raises ResourceNotFound: naming what is not there.
    """
    given = config or {}
    for field, known in (("ExperimentName", backend.experiments), ("TrialName", backend.trials)):
        if given.get(field) and given[field] not in known:
            raise ResourceNotFound(message=f"{field} {given[field]!r} does not exist.")


def make_trial_component(
    backend: SageMakerModelBackend, config: Mapping[str, Any] | None, *, job: str, kind: str
) -> None:
    """
    Make the trial component of a job.

    :param config: the request's ExperimentConfig; without one there is none.
    :param job: the job's name.
    :param kind: ``training``, ``transform`` or ``processing``.
    """
    if not config:
        return
    name, nothing = f"{job}-aws-{kind}-job", dict.fromkeys(("status", "start_time", "end_time", "parameters"))
    backend.create_trial_component(
        trial_component_name=name,
        trial_name=None,
        display_name=config.get("TrialComponentDisplayName"),
        input_artifacts=None,
        output_artifacts=None,
        metadata_properties=None,
        **nothing,
    )
    if trial := config.get("TrialName"):
        backend.associate_trial_component(trial, name)
