"""SageMaker's API for training jobs: refuses what cannot be run, starts and stops what can."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import ResourceInUseException, ResourceNotFound, ValidationError
from moto.sagemaker.models import FakeTrainingJob
from moto.sagemaker.responses import SageMakerResponse

from include.local_aws.jobs import Job
from include.local_aws.runtime import Runtime
from include.local_aws.sagemaker import training
from include.local_aws.sagemaker.experiments import make_trial_component, require_experiment
from include.local_aws.sagemaker.images import require_xgboost
from include.local_aws.sagemaker.input_data import require_data
from include.local_aws.sagemaker.job_requests import require_new, stopping, unsupported
from include.local_aws.sagemaker.moto_arguments import arguments_of
from include.local_aws.sagemaker.roles import require_role

# Hyperparameters by which the SageMaker SDK hands a script over.
SCRIPT_MODE = {"sagemaker_program", "sagemaker_submit_directory"}

_lock = threading.Lock()
# What runs each training job, by its ARN.
job_runs: dict[str, Job] = {}


def install(runtime: Runtime) -> None:
    """Make training jobs real."""

    def create_training_job(response: SageMakerResponse) -> ActionResult:
        backend, request = response.sagemaker_backend, response._get_params()
        _validate(request, response.region)
        name, role = request["TrainingJobName"], request["RoleArn"]
        for channel in request.get("InputDataConfig") or []:
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            require_data(runtime.client("s3", role=role), uri, role=role, region=response.region)
        require_experiment(backend, request.get("ExperimentConfig"))
        with _lock:
            require_new(backend.training_jobs, name, "Training job names", "training job")
            job = backend.create_training_job(**arguments_of(FakeTrainingJob, request))
            # AWS describes a job that names no key with an empty one: the SDK's Estimator.attach reads it.
            job.output_data_config.setdefault("KmsKeyId", "")
            job.environment, job.retry_strategy = request.get("Environment"), request.get("RetryStrategy")
            training.begin(job)
            make_trial_component(backend, job.experiment_config, job=name, kind="training")
            job_runs[job.arn] = runtime.compute.submit(name, lambda child: training.run(runtime, job, child))
        return ActionResult({"TrainingJobArn": job.arn})

    SageMakerResponse.create_training_job = create_training_job
    SageMakerResponse.stop_training_job = stopping(
        "training", training.lock, job_runs, training.end, training.note_stopping
    )
    SageMakerResponse.delete_training_job = _delete_training_job


def _validate(request: Mapping[str, Any], region: str) -> None:
    algorithm = request["AlgorithmSpecification"]
    require_xgboost("AlgorithmSpecification.TrainingImage", algorithm.get("TrainingImage") or "", region)
    require_role(request["RoleArn"])
    if script := SCRIPT_MODE & (request.get("HyperParameters") or {}).keys():
        raise ValidationError(
            message=f"HyperParameters.{min(script)}: the embedded AWS runs the algorithm, and no scripts in "
            "its place"
        )
    if algorithm.get("MetricDefinitions"):
        # https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html
        raise ValidationError(
            message="You can't override the metric definitions for Amazon SageMaker algorithms. "
            "Please retry the request without specifying metric definitions."
        )
    for channel in request.get("InputDataConfig") or []:
        _validate_channel(channel, algorithm)
    checkpoints = (request.get("CheckpointConfig") or {}).get("LocalPath", training.CHECKPOINTS)
    supported = {
        "ResourceConfig.InstanceCount": (request["ResourceConfig"].get("InstanceCount", 1), (1,)),
        "CheckpointConfig.LocalPath": (checkpoints.rstrip("/"), (training.CHECKPOINTS,)),
    }
    for refused in unsupported(supported):
        raise ValidationError(message=refused)


def _validate_channel(channel: Mapping[str, Any], algorithm: Mapping[str, Any]) -> None:
    name, source = channel["ChannelName"], channel["DataSource"].get("S3DataSource") or {}
    supported = {
        "DataSource.S3DataSource.S3DataType": (source.get("S3DataType"), ("S3Prefix", "ManifestFile")),
        "CompressionType": (channel.get("CompressionType") or "None", ("None",)),
        "RecordWrapperType": (channel.get("RecordWrapperType") or "None", ("None",)),
        "InputMode": (channel.get("InputMode") or algorithm.get("TrainingInputMode"), ("File", "FastFile")),
    }
    for refused in unsupported(supported, f"InputDataConfig.{name}."):
        raise ValidationError(message=refused)


def _delete_training_job(response: SageMakerResponse) -> EmptyResult:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeleteTrainingJob.html: ended ones only
    name, jobs = response._get_param("TrainingJobName"), response.sagemaker_backend.training_jobs
    if name not in jobs:
        raise ResourceNotFound(message="Requested resource not found.")
    status = jobs[name].training_job_status
    if status in ("InProgress", "Stopping"):
        raise ResourceInUseException(message=f"Training job {name} is {status} and cannot be deleted.")
    del jobs[name]
    return EmptyResult()
