"""One training job, from its data to its model, by the contract that SageMaker has with its containers."""

from __future__ import annotations

import json
import logging
import sys
import tarfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import ClientError
from moto.sagemaker.models import FakeTrainingJob

from include.local_aws.jobs import Job, JobStoppedError, Outcome
from include.local_aws.logs.streams import following
from include.local_aws.runtime import Runtime
from include.local_aws.s3.uris import download_prefix, upload
from include.local_aws.sagemaker import train_xgboost
from include.local_aws.sagemaker.metrics import METRIC_DEFINITIONS, last_values

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html: one day.
DEFAULT_MAX_SECONDS = 86400
# Characters of a FailureReason, by the same reference.
MAX_REASON = 1024

# https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
LOG_GROUP = "/aws/sagemaker/TrainingJobs"

# Taken for whatever reads a job's status in order to change it.
lock = threading.Lock()


class DataDownloadError(Exception):
    """A channel could not be brought to the training instance."""


def begin(job: FakeTrainingJob) -> None:
    """Put a job that moto calls complete as soon as it is created back to its start."""
    job.algorithm_specification["MetricDefinitions"] = METRIC_DEFINITIONS
    job.secondary_status_transitions = []
    job.model_artifacts = job.final_metric_data_list = None
    job.training_start_time = job.training_end_time = job.failure_reason = None
    job.training_job_status = "InProgress"
    enter(job, "Starting", "Preparing the instances for training")


def enter(job: FakeTrainingJob, status: str, message: str = "") -> None:
    """Begin a secondary status, and with it end the one before."""
    now = datetime.now(UTC)
    if job.secondary_status_transitions:
        job.secondary_status_transitions[-1]["EndTime"] = now
    transition = {"Status": status, "StartTime": now, "StatusMessage": message}
    job.secondary_status_transitions = [*job.secondary_status_transitions, transition]
    job.secondary_status, job.last_modified_time = status, now


def end(job: FakeTrainingJob, status: str, secondary: str | None = None, reason: str | None = None) -> None:
    with lock:
        _end(job, status, secondary, reason)
    log.info("training job %s: %s %s", job.training_job_name, status, reason or "")


def _end(job: FakeTrainingJob, status: str, secondary: str | None, reason: str | None) -> None:
    enter(job, secondary or status, reason or "")
    job.secondary_status_transitions[-1]["EndTime"] = job.last_modified_time
    job.training_end_time = job.last_modified_time
    if job.training_start_time:
        seconds = int((job.training_end_time - job.training_start_time).total_seconds())
        job.training_time_in_seconds = job.billable_time_in_seconds = max(1, seconds)
    job.failure_reason = reason and reason[:MAX_REASON]
    # Last, as it is what those who wait look at.
    job.training_job_status = status


def run(runtime: Runtime, job: FakeTrainingJob, child: Job) -> None:
    log_path = runtime.log_path("training", job.training_job_name)
    limit = (job.stopping_condition or {}).get("MaxRuntimeInSeconds", DEFAULT_MAX_SECONDS)
    try:
        if reason := runtime.befall("sagemaker", job.training_job_name, child):
            end(job, "Failed", reason=reason)
            return
        with runtime.scratch("training") as root:
            job.training_start_time = datetime.now(UTC)
            enter(job, "Downloading", "Downloading input data")
            _lay_out(runtime, job, root)
            enter(job, "Training", "Training image download completed. Training in progress.")
            with following(log_path, LOG_GROUP, f"{job.training_job_name}/algo-1-{int(time.time())}"):
                outcome = child.run(
                    # -P: the modules beside the program must not shadow those that xgboost imports.
                    [sys.executable, "-P", train_xgboost.__file__, str(root)],
                    env=runtime.child_environment(job.role_arn),
                    cwd=root,
                    log_path=log_path,
                    timeout_seconds=limit,
                )
            _conclude(runtime, job, root, outcome, log_path)
    except JobStoppedError:
        end(job, "Stopped")
    except DataDownloadError as error:
        end(job, "Failed", reason=f"ClientError: Data download failed:{error}")
    except Exception as error:
        log.exception("training job %s", job.training_job_name)
        end(job, "Failed", reason=f"InternalServerError: {error}")


def _lay_out(runtime: Runtime, job: FakeTrainingJob, root: Path) -> None:
    """The folders of a container: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html."""
    config = root / "input" / "config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text(json.dumps(job.hyper_parameters or {}))
    channels, s3 = {}, runtime.client("s3", role=job.role_arn)
    for channel in job.input_data_config or []:
        name, uri = channel["ChannelName"], channel["DataSource"]["S3DataSource"]["S3Uri"]
        channels[name] = {"ContentType": channel.get("ContentType", "text/csv"), "TrainingInputMode": "File"}
        try:
            count = download_prefix(s3, uri, root / "input" / "data" / name)
        except (ClientError, ValueError) as error:
            raise DataDownloadError(f"channel {name}, {uri}: {error}") from error
        if not count:
            raise DataDownloadError(
                f'No S3 objects found under S3 URL "{uri}" given in input data source of channel {name}. '
                "Please ensure that the bucket exists and that objects exist under the specified S3 prefix."
            )
    (config / "inputdataconfig.json").write_text(json.dumps(channels))
    (root / "model").mkdir()
    (root / "output").mkdir()


def _conclude(runtime: Runtime, job: FakeTrainingJob, root: Path, outcome: Outcome, log_path: Path) -> None:
    if outcome.timed_out:
        end(job, "Stopped", "MaxRuntimeExceeded")
        return
    if outcome.returncode != 0:
        failure = root / "output" / "failure"
        written = failure.read_text().strip() if failure.exists() else ""
        reason = (
            written or f"AlgorithmError: the training process ended without a message, see {log_path.name}"
        )
        end(job, "Failed", reason=f"{reason}, exit code: {outcome.returncode}")
        return
    enter(job, "Uploading", "Uploading generated training model")
    archive = root / "model.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for path in sorted((root / "model").iterdir()):
            tar.add(path, arcname=path.name)
    target = (
        f"{job.output_data_config['S3OutputPath'].rstrip('/')}/{job.training_job_name}/output/model.tar.gz"
    )
    upload(runtime.client("s3", role=job.role_arn), archive, target)
    now = datetime.now(UTC)
    values = last_values(log_path.read_text(errors="replace"))
    job.final_metric_data_list = [
        {"MetricName": name, "Value": value, "Timestamp": now} for name, value in values.items()
    ]
    job.model_artifacts = {"S3ModelArtifacts": target}
    end(job, "Completed")
