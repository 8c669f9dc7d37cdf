"""One Batch Transform job: it predicts from every object of its input, and writes what is predicted to S3."""

from __future__ import annotations

import gzip
import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import ClientError
from moto.sagemaker.models import FakeTransformJob, Model, sagemaker_backends

from include.local_aws.jobs import Job, JobStoppedError
from include.local_aws.logs import streams
from include.local_aws.runtime import ACCOUNT_ID, Runtime
from include.local_aws.s3.uris import split_uri
from include.local_aws.sagemaker.data_processing import DataProcessing
from include.local_aws.sagemaker.input_data import DataDownloadError, bring
from include.local_aws.sagemaker.models import container_of
from include.local_aws.sagemaker.serving_container import Container, load

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
LOG_GROUP = "/aws/sagemaker/TransformJobs"
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html, MaxPayloadInMB: what
# the container says itself.
DEFAULT_PAYLOAD_MB = 6
# The words that AWS has for whatever a model makes of a request; what it was is in the log.
SEE_LOGS = "See job logs for more information"

# Taken for whatever reads a job's status in order to change it.
lock = threading.Lock()


class TransformError(Exception):
    """The model could not be loaded, or answered with an error."""


def end(job: FakeTransformJob, status: str, reason: str | None = None) -> None:
    """Let a job have ended."""
    with lock:
        job.transform_end_time = datetime.now(UTC)
        job.failure_reason = reason
        # Last, as it is what those who wait look at.
        job.transform_job_status = status
    log.info("transform job %s: %s %s", job.transform_job_name, status, reason or "")


def run(runtime: Runtime, job: FakeTransformJob, processing: DataProcessing, child: Job) -> None:
    """Transform until it is done or stopped."""
    try:
        if reason := runtime.befall("sagemaker", job.transform_job_name, child):
            end(job, "Failed", reason)
            return
        with runtime.scratch("transform") as root:
            _Transform(runtime, job, processing, child, root).run()
        end(job, "Completed")
    except JobStoppedError:
        end(job, "Stopped")
    except DataDownloadError as error:
        end(job, "Failed", f"ClientError: Data download failed:{error}")
    except TransformError as error:
        end(job, "Failed", str(error))
    except ClientError as error:
        end(job, "Failed", f"ClientError: {error}")
    except Exception as error:
        log.exception("transform job %s", job.transform_job_name)
        end(job, "Failed", f"InternalServerError: {error}")


class _Transform:
    def __init__(
        self, runtime: Runtime, job: FakeTransformJob, processing: DataProcessing, child: Job, root: Path
    ) -> None:
        self._job, self._processing, self._child, self._root = job, processing, child, root
        backend = sagemaker_backends[ACCOUNT_ID][job.arn.split(":")[3]]
        self._model: Model = backend.describe_model(job.model_name)
        self._made_of = container_of(backend, self._model)
        self._s3 = runtime.client("s3", role=self._model.execution_role_arn)
        self._stream = f"{job.transform_job_name}/i-{job.arn[-8:]}-{int(time.time())}"

    def run(self) -> None:
        job = self._job
        job.transform_start_time = datetime.now(UTC)
        self._log([f"transform job {job.transform_job_name} with model {job.model_name}"])
        container = self._load()
        source = job.transform_input["DataSource"]["S3DataSource"]
        bring(self._s3, source, self._root, "the transform job")
        bucket, prefix = split_uri(job.transform_output["S3OutputPath"])
        for path in sorted(one for one in self._root.rglob("*") if one.is_file()):
            below = str(path.relative_to(self._root))
            body = "".join(self._answers(container, path, below)).encode()
            key = f"{prefix.rstrip('/')}/{below}.out".lstrip("/")
            self._s3.put_object(Bucket=bucket, Key=key, Body=body)

    def _load(self) -> Container:
        environment = {**(self._made_of.get("Environment") or {}), **(self._job.environment or {})}
        try:
            return load(self._s3, self._made_of["ModelDataUrl"], environment, batch=True)
        except Exception as error:
            self._log([f"the model could not be loaded: {error!r}"])
            raise TransformError(f"AlgorithmError: {SEE_LOGS}") from error

    def _answers(self, container: Container, path: Path, name: str) -> Iterator[str]:
        data = path.read_bytes()
        if self._job.transform_input.get("CompressionType") == "Gzip":
            data = gzip.decompress(data)
        if self._job.transform_input.get("SplitType", "None") == "None":
            yield self._answer(container, data, name)
            return
        for lines in self._batches([line for line in data.decode().splitlines() if line]):
            asked = "\n".join(self._processing.asked(line) for line in lines)
            answered = self._answer(container, asked.encode(), name)
            predictions = answered.splitlines()
            if self._processing.by_line and len(predictions) != len(lines):
                self._log([f"{len(lines)} lines of {name} have {len(predictions)} predictions"])
                raise TransformError(f"ClientError: {SEE_LOGS}")
            if not self._processing.by_line:
                yield answered
                continue
            for line, prediction in zip(lines, predictions, strict=True):
                yield f"{self._processing.output(line, prediction)}\n"

    def _batches(self, lines: list[str]) -> Iterator[list[str]]:
        """As many lines at once as the payload may have, or one."""
        most = (self._job.max_payload_in_mb or DEFAULT_PAYLOAD_MB) * 2**20
        batch: list[str] = []
        size = 0
        for line in lines:
            length = len(line.encode()) + 1
            if batch and (size + length > most or self._job.batch_strategy == "SingleRecord"):
                yield batch
                batch, size = [], 0
            batch.append(line)
            size += length
        if batch:
            yield batch

    def _answer(self, container: Container, body: bytes, name: str) -> str:
        self._child.pause(0)
        output = self._job.transform_output
        answer = container.invocations(
            body, self._job.transform_input.get("ContentType"), output.get("Accept")
        )
        if answer.status >= 400:
            self._log(
                [f"{name}: Bad HTTP status received from algorithm: {answer.status.value}", answer.body]
            )
            whose = "ClientError" if answer.status < 500 else "AlgorithmError"
            raise TransformError(f"{whose}: {SEE_LOGS}")
        return answer.body

    def _log(self, lines: list[str]) -> None:
        streams.put(LOG_GROUP, self._stream, lines)
