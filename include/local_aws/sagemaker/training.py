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
from typing import Any

from botocore.exceptions import ClientError
from moto.sagemaker.models import FakeTrainingJob

from include.local_aws.jobs import Job, JobStoppedError
from include.local_aws.logs.streams import following
from include.local_aws.runtime import Runtime
from include.local_aws.s3.uris import download_prefix, upload
from include.local_aws.sagemaker import telemetry
from include.local_aws.sagemaker.input_data import DataDownloadError, bring
from include.local_aws.sagemaker.metrics import METRIC_DEFINITIONS, last_values

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StoppingCondition.html: one day.
DEFAULT_MAX_SECONDS = 86400
# Characters of a FailureReason, by the same reference.
MAX_REASON = 1024

# https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
LOG_GROUP = "/aws/sagemaker/TrainingJobs"

# The modules beside the program must not shadow those that xgboost imports: so the project comes last.
PROJECT = Path(__file__).resolve().parents[3]
PROGRAM = (
    f"import sys; sys.path.append({str(PROJECT)!r}); from pathlib import Path; "
    "from include.local_aws.sagemaker.train_xgboost import main; sys.exit(main(Path(sys.argv[1])))"
)
# Where the container's checkpoints are unless something else is asked for.
CHECKPOINTS = "/opt/ml/checkpoints"
# Begins the reason of a failure after which a RetryStrategy tries again:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_RetryStrategy.html
RETRIED = "InternalServerError"

# Taken for whatever reads a job's status in order to change it.
lock = threading.Lock()


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
    _enter(job, status, message)
    telemetry.training_job_changed(job)


def _enter(job: FakeTrainingJob, status: str, message: str) -> None:
    now = datetime.now(UTC)
    if job.secondary_status_transitions:
        job.secondary_status_transitions[-1]["EndTime"] = now
    transition = {"Status": status, "StartTime": now, "StatusMessage": message}
    job.secondary_status_transitions = [*job.secondary_status_transitions, transition]
    job.secondary_status, job.last_modified_time = status, now


def note_stopping(job: FakeTrainingJob) -> None:
    """Let a job say that it is being stopped."""
    enter(job, "Stopping", "Stopping the training job")


def end(job: FakeTrainingJob, status: str, secondary: str | None = None, reason: str | None = None) -> None:
    with lock:
        _end(job, status, secondary, reason)
    log.info("training job %s: %s %s", job.training_job_name, status, reason or "")


def _end(job: FakeTrainingJob, status: str, secondary: str | None, reason: str | None) -> None:
    _enter(job, secondary or status, reason or "")
    job.secondary_status_transitions[-1]["EndTime"] = job.last_modified_time
    job.training_end_time = job.last_modified_time
    if job.training_start_time:
        seconds = int((job.training_end_time - job.training_start_time).total_seconds())
        job.training_time_in_seconds = job.billable_time_in_seconds = max(1, seconds)
    job.failure_reason = reason and reason[:MAX_REASON]
    # Last, as it is what those who wait look at.
    job.training_job_status = status
    telemetry.training_job_changed(job)


def run(runtime: Runtime, job: FakeTrainingJob, child: Job) -> None:
    """Train until it is done, again after an internal error as often as the job's RetryStrategy says."""
    retries = (getattr(job, "retry_strategy", None) or {}).get("MaximumRetryAttempts", 0)
    try:
        while reason := _failure(runtime, job, child):
            if not retries or not reason.startswith(RETRIED):
                end(job, "Failed", reason=reason)
                return
            retries -= 1
            enter(job, "Restarting", reason)
    except JobStoppedError:
        end(job, "Stopped")


def _failure(runtime: Runtime, job: FakeTrainingJob, child: Job) -> str | None:
    """
    Train once.

    :return: why it failed, if it did.
    """
    try:
        if reason := runtime.befall("sagemaker", job.training_job_name, child):
            return reason
        with runtime.scratch("training") as root:
            return _train(runtime, job, child, root)
    except DataDownloadError as error:
        return f"ClientError: Data download failed:{error}"
    except ClientError as error:
        # In the form that aws/amazon-sagemaker-examples#3881 quotes.
        path = job.output_data_config["S3OutputPath"]
        return f"ClientError: Artifact upload failed:Unable to upload file to {path} ({error})"
    except JobStoppedError:
        raise
    except Exception as error:
        log.exception("training job %s", job.training_job_name)
        return f"InternalServerError: {error}"


def _train(runtime: Runtime, job: FakeTrainingJob, child: Job, root: Path) -> str | None:
    log_path = runtime.log_path("training", job.training_job_name)
    s3 = runtime.client("s3", role=job.role_arn)
    job.training_start_time = datetime.now(UTC)
    enter(job, "Downloading", "Downloading input data")
    _lay_out(job, root, s3)
    enter(job, "Training", "Training image download completed. Training in progress.")
    try:
        with following(log_path, LOG_GROUP, f"{job.training_job_name}/algo-1-{int(time.time())}"):
            outcome = child.run(
                [sys.executable, "-P", "-c", PROGRAM, str(root)],
                env={**(getattr(job, "environment", None) or {}), **runtime.child_environment(job.role_arn)},
                cwd=root,
                log_path=log_path,
                timeout_seconds=(job.stopping_condition or {}).get(
                    "MaxRuntimeInSeconds", DEFAULT_MAX_SECONDS
                ),
            )
    finally:
        _keep_checkpoints(job, root, s3)
    if outcome.timed_out:
        end(job, "Stopped", "MaxRuntimeExceeded")
        return None
    if outcome.returncode != 0:
        failure = root / "output" / "failure"
        written = failure.read_text().strip() if failure.exists() else ""
        reason = (
            written or f"AlgorithmError: the training process ended without a message, see {log_path.name}"
        )
        return f"{reason}, exit code: {outcome.returncode}"
    _complete(job, root, s3, log_path)
    return None


def _lay_out(job: FakeTrainingJob, root: Path, s3: Any) -> None:
    """The folders of a container: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html."""
    config = root / "input" / "config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text(json.dumps(job.hyper_parameters or {}))
    channels = {}
    for channel in job.input_data_config or []:
        name, source = channel["ChannelName"], channel["DataSource"]["S3DataSource"]
        channels[name] = {
            "TrainingInputMode": "File",
            "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
            **({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {}),
        }
        bring(s3, source, root / "input" / "data" / name, f"channel {name}")
    (config / "inputdataconfig.json").write_text(json.dumps(channels))
    (root / "model").mkdir()
    (root / "output").mkdir()
    if job.checkpoint_config:
        (root / "checkpoints").mkdir()
        try:
            download_prefix(s3, _below(job.checkpoint_config["S3Uri"]), root / "checkpoints")
        except ClientError as error:
            raise DataDownloadError(f"checkpoints, {job.checkpoint_config['S3Uri']}: {error}") from error


def _keep_checkpoints(job: FakeTrainingJob, root: Path, s3: Any) -> None:
    """Also of a job that is stopped or out of time: that is what they are for."""
    for path in sorted((root / "checkpoints").glob("xgboost-checkpoint.*")):
        upload(s3, path, f"{_below(job.checkpoint_config['S3Uri'])}{path.name}")


def _below(uri: str) -> str:
    return f"{uri.rstrip('/')}/"


def _complete(job: FakeTrainingJob, root: Path, s3: Any, log_path: Path) -> None:
    enter(job, "Uploading", "Uploading generated training model")
    target = f"{_below(job.output_data_config['S3OutputPath'])}{job.training_job_name}/output/model"
    if job.output_data_config.get("CompressionType") == "NONE":
        target += "/"
        for path in sorted((root / "model").iterdir()):
            upload(s3, path, f"{target}{path.name}")
    else:
        target += ".tar.gz"
        archive = root / "model.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            for path in sorted((root / "model").iterdir()):
                tar.add(path, arcname=path.name)
        upload(s3, archive, target)
    now = datetime.now(UTC)
    values = last_values(log_path.read_text(errors="replace"))
    job.final_metric_data_list = [
        {"MetricName": name, "Value": value, "Timestamp": now} for name, value in values.items()
    ]
    job.model_artifacts = {"S3ModelArtifacts": target}
    end(job, "Completed")
