"""One processing job: a script in Python, with its container's folders mounted, from S3 and back to S3."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from botocore.exceptions import ClientError
from moto.sagemaker.models import FakeProcessingJob

from include.local_aws.jobs import Job, JobStoppedError
from include.local_aws.logs.streams import following
from include.local_aws.runtime import Runtime
from include.local_aws.s3.uris import upload
from include.local_aws.sagemaker.input_data import DataDownloadError, bring

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingStoppingCondition.html: one day.
DEFAULT_MAX_SECONDS = 86400
CONTAINER_FOLDER = "/opt/ml"
# Makes a folder, the first argument, be /opt/ml for the command that follows and for nobody else: a namespace
# of mounts needs no rights. Where there is no /opt/ml, a layer over /opt has one.
MOUNTED = """
set -e
root=$1; shift
if [ ! -d /opt/ml ]; then
    mkdir "$root.layer"; mount -t tmpfs none "$root.layer"; mkdir "$root.layer/upper" "$root.layer/work"
    mount -t overlay none -o "lowerdir=/opt,upperdir=$root.layer/upper,workdir=$root.layer/work" /opt
    mkdir /opt/ml
fi
mount --bind "$root" /opt/ml
exec "$@"
"""

# Taken for whatever reads a job's status in order to change it.
lock = threading.Lock()


def mounted(root: Path, *command: str) -> list[str]:
    """The command that runs another where ``root`` is /opt/ml."""
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", MOUNTED, "sh", str(root), *command]


@cache
def can_mount() -> bool:
    """Whether this machine lets folders be mounted for one process without root."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        try:
            return subprocess.run(mounted(root, "true"), capture_output=True, check=False).returncode == 0
        except OSError:
            return False


def end(job: FakeProcessingJob, status: str, reason: str | None = None) -> None:
    """Let a job have ended."""
    with lock:
        job.processing_end_time = job.last_modified_time = datetime.now(UTC)
        job.failure_reason = reason
        # Last, as it is what those who wait look at.
        job.processing_job_status = status
    log.info("processing job %s: %s %s", job.processing_job_name, status, reason or "")


def run(runtime: Runtime, job: FakeProcessingJob, child: Job) -> None:
    """Process until it is done or stopped."""
    try:
        if reason := runtime.befall("sagemaker", job.processing_job_name, child):
            end(job, "Failed", reason)
            return
        with runtime.scratch("processing") as scratch:
            root = scratch / "ml"
            root.mkdir()
            _process(runtime, job, child, root)
    except JobStoppedError:
        end(job, "Stopped")
    except DataDownloadError as error:
        end(job, "Failed", f"ClientError: Data download failed:{error}")
    except ClientError as error:
        end(job, "Failed", f"ClientError: Artifact upload failed:{error}")
    except Exception as error:
        log.exception("processing job %s", job.processing_job_name)
        end(job, "Failed", f"InternalServerError: {error}")


def _process(runtime: Runtime, job: FakeProcessingJob, child: Job, root: Path) -> None:
    s3, name = runtime.client("s3", role=job.role_arn), job.processing_job_name
    job.processing_start_time = datetime.now(UTC)
    _lay_out(job, root, s3)
    log_path = runtime.log_path("processing", name)
    specification = job.app_specification
    _, *script = specification["ContainerEntrypoint"]
    command = [sys.executable, *script, *specification.get("ContainerArguments", ())]
    stopping = job.stopping_condition or {}
    with following(log_path, LOG_GROUP, f"{name}/algo-1-{int(time.time())}"):
        outcome = child.run(
            mounted(root, *command),
            env={**(job.environment or {}), **runtime.child_environment(job.role_arn)},
            cwd=root,
            log_path=log_path,
            timeout_seconds=stopping.get("MaxRuntimeInSeconds", DEFAULT_MAX_SECONDS),
        )
    message = root / "output" / "message"
    job.exit_message = message.read_text(errors="replace")[:1024] if message.is_file() else None
    if outcome.timed_out:
        end(job, "Stopped", "ClientError: the processing job ran over its MaxRuntimeInSeconds")
        return
    if outcome.returncode != 0:
        end(
            job,
            "Failed",
            f"AlgorithmError: See job logs for more information, exit code: {outcome.returncode}",
        )
        return
    _upload(job, root, s3)
    end(job, "Completed")


def folder_of(root: Path, local_path: str) -> Path:
    """Where a path of the container is before it is mounted."""
    return root / Path(local_path).relative_to(CONTAINER_FOLDER)


def _lay_out(job: FakeProcessingJob, root: Path, s3: Any) -> None:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
    config = root / "config"
    config.mkdir()
    described = {
        "ProcessingJobArn": job.arn,
        "ProcessingJobName": job.processing_job_name,
        "AppSpecification": job.app_specification,
        "Environment": job.environment or {},
        "ProcessingInputs": job.processing_inputs or [],
        "ProcessingOutputConfig": job.processing_output_config,
        "ProcessingResources": job.processing_resources,
        "RoleArn": job.role_arn,
        "StoppingCondition": job.stopping_condition,
    }
    (config / "processingjobconfig.json").write_text(json.dumps(described))
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))
    (root / "output").mkdir()
    for given in job.processing_inputs or []:
        folder = folder_of(root, given["S3Input"]["LocalPath"])
        folder.mkdir(parents=True, exist_ok=True)
        bring(s3, given["S3Input"], folder, f"input {given['InputName']}")
    for output in _outputs(job):
        folder_of(root, output["LocalPath"]).mkdir(parents=True, exist_ok=True)


def _upload(job: FakeProcessingJob, root: Path, s3: Any) -> None:
    for output in _outputs(job):
        folder = folder_of(root, output["LocalPath"])
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            upload(s3, path, f"{output['S3Uri'].rstrip('/')}/{path.relative_to(folder)}")


def _outputs(job: FakeProcessingJob) -> list[dict[str, Any]]:
    return [output["S3Output"] for output in (job.processing_output_config or {}).get("Outputs", ())]
