"""SageMaker's API for Batch Transform: refuses what cannot be run, starts and stops what can."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import ResourceInUseException, ValidationError
from moto.sagemaker.models import FakeTransformJob, SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from include.local_aws.jobs import Job
from include.local_aws.runtime import Runtime
from include.local_aws.sagemaker import data_processing, transform
from include.local_aws.sagemaker.experiments import make_trial_component, require_experiment
from include.local_aws.sagemaker.moto_arguments import arguments_of

_lock = threading.Lock()
# What runs each transform job, by its ARN.
job_runs: dict[str, Job] = {}


def install(runtime: Runtime) -> None:
    """Make transform jobs real, and add StopTransformJob, which moto lacks."""

    def create_transform_job(response: SageMakerResponse) -> ActionResult:
        backend, request = response.sagemaker_backend, response._get_params()
        _validate(request)
        backend.describe_model(request["ModelName"])
        processing, name = data_processing.parse(request), request["TransformJobName"]
        require_experiment(backend, request.get("ExperimentConfig"))
        with _lock:
            if name in backend.transform_jobs:
                raise ResourceInUseException(
                    message="Job name must be unique within an AWS account and region, and a job with this "
                    f"name already exists ({backend.transform_jobs[name].arn})"
                )
            job = backend.create_transform_job(**arguments_of(FakeTransformJob, request))
            job.tags = job.tags or []
            job.transform_start_time = job.transform_end_time = job.failure_reason = None
            job.labeling_job_arn = job.auto_ml_job_arn = None
            job.transform_job_status = "InProgress"
            make_trial_component(backend, job.experiment_config, job=name, kind="transform")
            job_runs[job.arn] = runtime.compute.submit(
                name, lambda child: transform.run(runtime, job, processing, child)
            )
        return ActionResult({"TransformJobArn": job.arn})

    SageMakerResponse.create_transform_job = create_transform_job
    SageMakerResponse.stop_transform_job = _stop_transform_job


def _validate(request: Mapping[str, Any]) -> None:
    data, output = request["TransformInput"], request["TransformOutput"]
    supported = {
        "TransformInput.DataSource.S3DataSource.S3DataType": (
            data["DataSource"]["S3DataSource"]["S3DataType"],
            ("S3Prefix", "ManifestFile"),
        ),
        "TransformInput.SplitType": (data.get("SplitType", "None"), ("None", "Line")),
        "TransformOutput.AssembleWith": (output.get("AssembleWith", "None"), ("None", "Line")),
        "TransformResources.InstanceCount": (request["TransformResources"]["InstanceCount"], (1,)),
    }
    for field, (value, allowed) in supported.items():
        if value not in allowed:
            raise ValidationError(
                message=f"{field}: the embedded AWS supports {' and '.join(map(str, allowed))}, got {value!r}"
            )


def _stop_transform_job(response: SageMakerResponse) -> EmptyResult:
    backend, name = response.sagemaker_backend, response._get_param("TransformJobName")
    job = _find(backend, name)
    with transform.lock:
        if job.transform_job_status != "InProgress":
            raise ValidationError(
                message=f"The request was rejected because the transform job is {job.transform_job_status}."
            )
        job.transform_job_status = "Stopping"
    if job_runs[job.arn].stop():
        transform.end(job, "Stopped")
    return EmptyResult()


def _find(backend: SageMakerModelBackend, name: str) -> FakeTransformJob:
    backend.describe_transform_job(name)
    return backend.transform_jobs[name]
