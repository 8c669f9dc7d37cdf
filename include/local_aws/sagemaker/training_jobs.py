"""SageMaker's API for training jobs: refuses what cannot be run, starts and stops what can."""

from __future__ import annotations

import re
import threading
from typing import Any

from moto.core.responses import EmptyResult
from moto.sagemaker.exceptions import ResourceInUseException, ResourceNotFound, ValidationError
from moto.sagemaker.models import FakeTrainingJob, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from include.local_aws.faults.lag import is_seen
from include.local_aws.jobs import Job
from include.local_aws.runtime import Runtime
from include.local_aws.sagemaker import training

# Registry paths of the algorithm: .../sagemaker-xgboost:1.7-1, and .../xgboost:1 before it.
XGBOOST_IMAGE = re.compile(r"/(sagemaker-)?xgboost(:|@|$)")

# Calls that moto answers as if it had done the work; left out, they are refused as not supported.
CANNED = (
    "create_auto_ml_job_v2",
    "create_compilation_job",
    "create_hyper_parameter_tuning_job",
    "create_processing_job",
    "create_transform_job",
    "update_endpoint_weights_and_capacities",
)

_lock = threading.Lock()
# What runs each training job, by its ARN.
job_runs: dict[str, Job] = {}


def install(runtime: Runtime) -> None:
    """Make training jobs real, and refuse a second model or endpoint configuration of one name."""
    create = SageMakerModelBackend.create_training_job

    def create_training_job(backend: SageMakerModelBackend, **request: Any) -> FakeTrainingJob:
        _validate(request)
        name = request["training_job_name"]
        with _lock:
            if name in backend.training_jobs:
                raise ResourceInUseException(
                    message="Training job names must be unique within an AWS account and region, and a "
                    f"training job with this name already exists ({backend.training_jobs[name].arn})"
                )
            job = create(backend, **request)
            training.begin(job)
            job_runs[job.arn] = runtime.compute.submit(name, lambda child: training.run(runtime, job, child))
        return job

    SageMakerModelBackend.create_training_job = create_training_job
    SageMakerResponse.stop_training_job = _stop_training_job
    SageMakerResponse.delete_training_job = _delete_training_job
    for name in CANNED:
        delattr(SageMakerResponse, name)
    _refuse_duplicates("create_model", "model_name", "_models", "model")
    _refuse_duplicates(
        "create_endpoint_config", "endpoint_config_name", "endpoint_configs", "endpoint configuration"
    )
    _see_models_late()


def _refuse_duplicates(method: str, argument: str, collection: str, noun: str) -> None:
    create = getattr(SageMakerModelBackend, method)

    def create_once(backend: SageMakerModelBackend, **request: Any) -> Any:
        existing = getattr(backend, collection).get(request[argument])
        if existing is not None:
            raise ValidationError(message=f'Cannot create already existing {noun} "{existing.arn}".')
        return create(backend, **request)

    setattr(SageMakerModelBackend, method, create_once)


def _see_models_late() -> None:
    """Let CreateEndpointConfig not find a model that was made a moment ago."""
    validate = SageMakerModelBackend.validate_production_variants

    def validate_seen(backend: SageMakerModelBackend, production_variants: list[dict[str, Any]]) -> None:
        validate(backend, production_variants)
        for model in (backend._models[variant["ModelName"]] for variant in production_variants):
            if not is_seen(model.creation_time):
                raise ValidationError(message=f'Could not find model "{model.arn}".')

    SageMakerModelBackend.validate_production_variants = validate_seen


def _validate(request: dict[str, Any]) -> None:
    algorithm, channels = request["algorithm_specification"], request["input_data_config"] or []
    image = algorithm.get("TrainingImage") or ""
    if not XGBOOST_IMAGE.search(image):
        raise ValidationError(
            message=f"AlgorithmSpecification.TrainingImage: the embedded AWS trains with the images of "
            f"SageMaker XGBoost (<registry>/sagemaker-xgboost:<version>) only, got {image!r}"
        )
    for channel in channels:
        name = channel["ChannelName"]
        source = channel.get("DataSource", {}).get("S3DataSource", {})
        supported = {
            "DataSource.S3DataSource.S3DataType": (source.get("S3DataType"), ("S3Prefix",)),
            "ContentType": (channel.get("ContentType", "text/csv").split(";")[0], ("text/csv", "csv")),
            "CompressionType": (channel.get("CompressionType") or "None", ("None",)),
            "RecordWrapperType": (channel.get("RecordWrapperType") or "None", ("None",)),
            "InputMode": (
                channel.get("InputMode") or algorithm.get("TrainingInputMode"),
                ("File", "FastFile"),
            ),
        }
        for field, (value, allowed) in supported.items():
            if value not in allowed:
                raise ValidationError(
                    message=f"InputDataConfig.{name}.{field}: the embedded AWS supports "
                    f"{' and '.join(allowed)}, got {value!r}"
                )
    resources = request["resource_config"] or {}
    count = resources.get("InstanceCount", 1)
    if count != 1:
        raise ValidationError(
            message=f"ResourceConfig.InstanceCount: the embedded AWS trains on one instance, got {count}"
        )


def _stop_training_job(response: SageMakerResponse) -> EmptyResult:
    name = response._get_param("TrainingJobName")
    response.sagemaker_backend.describe_training_job(name)
    job = response.sagemaker_backend.training_jobs[name]
    with training.lock:
        if job.training_job_status != "InProgress":
            raise ValidationError(
                message=f"The request was rejected because the training job is {job.training_job_status}."
            )
        job.training_job_status = "Stopping"
        training.enter(job, "Stopping", "Stopping the training job")
    if job_runs[job.arn].stop():
        training.end(job, "Stopped")
    return EmptyResult()


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
