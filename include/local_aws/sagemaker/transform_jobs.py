"""SageMaker's API for Batch Transform: refuses what cannot be run, starts and stops what can."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeTransformJob
from moto.sagemaker.responses import SageMakerResponse

from include.local_aws.jobs import Job
from include.local_aws.runtime import Runtime
from include.local_aws.sagemaker import data_processing, transform
from include.local_aws.sagemaker.experiments import make_trial_component, require_experiment
from include.local_aws.sagemaker.job_requests import require_new, stopping, unsupported
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
            require_new(backend.transform_jobs, name)
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
    SageMakerResponse.stop_transform_job = stopping("transform", transform.lock, job_runs, transform.end)


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
    for refused in unsupported(supported):
        raise ValidationError(message=refused)
