"""SageMaker's API for processing jobs: refuses what cannot be run, starts and stops what can."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeProcessingJob
from moto.sagemaker.responses import SageMakerResponse

from include.local_aws.jobs import Job
from include.local_aws.runtime import Runtime
from include.local_aws.sagemaker import processing
from include.local_aws.sagemaker.experiments import make_trial_component, require_experiment
from include.local_aws.sagemaker.images import require_python
from include.local_aws.sagemaker.job_requests import require_new, stopping, unsupported
from include.local_aws.sagemaker.moto_arguments import arguments_of
from include.local_aws.sagemaker.roles import require_role

INTERPRETERS = ("python", "python3", "/usr/bin/python3", "/miniconda3/bin/python")
PROCESSING_FOLDER = PurePosixPath("/opt/ml/processing")

_lock = threading.Lock()
# What runs each processing job, by its ARN.
job_runs: dict[str, Job] = {}


def install(runtime: Runtime) -> None:
    """Make processing jobs real."""

    def create_processing_job(response: SageMakerResponse) -> ActionResult:
        backend, request = response.sagemaker_backend, response._get_params()
        specification, name = request["AppSpecification"], request["ProcessingJobName"]
        require_role(request["RoleArn"])
        require_python("AppSpecification.ImageUri", specification["ImageUri"], response.region)
        if refused := next(_refused(request), None):
            raise ValidationError(message=refused)
        require_experiment(backend, request.get("ExperimentConfig"))
        with _lock:
            require_new(backend.processing_jobs, name)
            job = backend.create_processing_job(**arguments_of(FakeProcessingJob, request))
            job.processing_resources = request["ProcessingResources"]
            job.environment = request.get("Environment")
            job.processing_end_time = job.failure_reason = None
            job.processing_job_status = "InProgress"
            make_trial_component(backend, job.experiment_config, job=name, kind="processing")
            job_runs[job.arn] = runtime.compute.submit(
                name, lambda child: processing.run(runtime, job, child)
            )
        return ActionResult({"ProcessingJobArn": job.arn})

    SageMakerResponse.create_processing_job = create_processing_job
    SageMakerResponse.stop_processing_job = stopping("processing", processing.lock, job_runs, processing.end)


def _refused(request: Mapping[str, Any]) -> Iterator[str]:
    """What of a job cannot be done here, in words."""
    entrypoint = request["AppSpecification"].get("ContainerEntrypoint") or [""]
    if entrypoint[0] not in INTERPRETERS or len(entrypoint) < 2:
        yield (
            "AppSpecification.ContainerEntrypoint: the embedded AWS runs a script in Python, as [python3, "
            f"/opt/ml/processing/input/code/<script>.py], got {entrypoint}"
        )
    count = request["ProcessingResources"]["ClusterConfig"]["InstanceCount"]
    yield from unsupported({"ProcessingResources.ClusterConfig.InstanceCount": (count, (1,))})
    for given in request.get("ProcessingInputs") or []:
        yield from _refused_source(f"ProcessingInputs.{given['InputName']}", given.get("S3Input") or {})
    for given in (request.get("ProcessingOutputConfig") or {}).get("Outputs", ()):
        output, where = given.get("S3Output") or {}, f"ProcessingOutputConfig.{given['OutputName']}"
        yield from _refused_path(where, output.get("LocalPath", ""))
        yield from unsupported({"S3UploadMode": (output.get("S3UploadMode"), ("EndOfJob",))}, f"{where}.")
    if not processing.can_mount():
        yield (
            "The embedded AWS runs processing jobs where a process may mount /opt/ml for itself (unshare "
            "--map-root-user --mount); this machine does not allow it"
        )


def _refused_source(where: str, source: Mapping[str, Any]) -> Iterator[str]:
    supported = {
        "S3DataType": (source.get("S3DataType"), ("S3Prefix", "ManifestFile")),
        "S3InputMode": (source.get("S3InputMode", "File"), ("File",)),
        "S3CompressionType": (source.get("S3CompressionType", "None"), ("None",)),
    }
    yield from unsupported(supported, f"{where}.")
    yield from _refused_path(where, source.get("LocalPath", ""))


def _refused_path(where: str, local_path: str) -> Iterator[str]:
    # "LocalPath is an absolute path to the input data" below /opt/ml/processing/:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html
    path = PurePosixPath(local_path)
    if not path.is_relative_to(PROCESSING_FOLDER) or ".." in path.parts:
        yield f"{where}.LocalPath: it must be below {PROCESSING_FOLDER}, got {local_path!r}"
