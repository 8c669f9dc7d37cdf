"""Glue: a job run really runs the job's script, in a process of its own."""

from __future__ import annotations

import logging
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from moto.core.responses import ActionResult
from moto.glue.exceptions import ConcurrentRunsExceededException
from moto.glue.models import FakeJob, FakeJobRun
from moto.glue.responses import GlueResponse

from include.local_aws.jobs import Job, JobStoppedError, Outcome
from include.local_aws.logs.streams import following
from include.local_aws.runtime import Runtime
from include.local_aws.s3.uris import download

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/glue/latest/webapi/API_JobRun.html: 2,880 minutes unless the job says.
DEFAULT_TIMEOUT_MINUTES = 2880
# https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html; what the Amazon provider's
# GlueJobOperator(verbose=True) reads is below it, in /output and /error, under the run's id.
SHELL_LOG_GROUP = "/aws-glue/python-jobs"
UNFINISHED = ("STARTING", "RUNNING", "STOPPING")

# Taken for whatever reads a run's state in order to change it.
_lock = threading.Lock()


class JobRun(FakeJobRun):  # type: ignore[misc]
    """A run whose state is that of its process, where moto's moves by the number of times one looks."""

    status = "STARTING"
    job: Job
    error_message: str | None = None
    running_since: datetime | None = None
    log_group = SHELL_LOG_GROUP

    def advance(self) -> None:
        """Looking at a run does not change it."""

    def begin(self) -> None:
        with _lock:
            self.running_since = datetime.now(UTC)
            if self.status == "STARTING":
                self.status = "RUNNING"

    def end(self, status: str, error_message: str | None = None) -> None:
        with _lock:
            self.error_message = error_message
            self.completed_on = self.modified_on = datetime.now(UTC)
            self.status = status

    def ask_to_stop(self) -> bool:
        """Say that the run is being stopped, unless it has ended."""
        with _lock:
            if self.status in UNFINISHED:
                self.status = "STOPPING"
        return self.status == "STOPPING"

    def as_dict(self) -> dict[str, Any]:
        details: dict[str, Any] = super().as_dict()
        finished = self.status not in UNFINISHED
        until = self.completed_on if finished else datetime.now(UTC)
        details["ExecutionTime"] = (
            int(until.timestamp() - self.running_since.timestamp()) if self.running_since else 0
        )
        details["LogGroupName"] = self.log_group
        if not finished:
            del details["CompletedOn"]
        if self.error_message:
            details["ErrorMessage"] = self.error_message
        for name in ("GlueVersion", "AllocatedCapacity", "MaxCapacity", "NumberOfWorkers", "WorkerType"):
            details.pop(name, None)
        return details


def install(runtime: Runtime) -> None:
    """Make Glue's job runs real."""

    def start_job_run(job: FakeJob, **request: Any) -> str:
        arguments = {
            **job.default_arguments,
            **(request["arguments"] or {}),
            **(job.non_overridable_arguments or {}),
        }
        run = JobRun(
            job_name=job.name,
            job_run_id=request["previous_run_id"],
            arguments=arguments,
            timeout=request["timeout"] or job.timeout or DEFAULT_TIMEOUT_MINUTES,
        )
        allowed = job.execution_property.get("MaxConcurrentRuns", 1)
        with _lock:
            if sum(other.status in UNFINISHED for other in job.job_runs) >= allowed:
                raise ConcurrentRunsExceededException(f"Concurrent runs exceeded for {job.name}")
            job.job_runs.append(run)
            run.job = runtime.compute.submit(
                f"{job.name}/{run.job_run_id}", lambda child: _run(runtime, job, run, child)
            )
        return str(run.job_run_id)

    FakeJob.start_job_run = start_job_run
    GlueResponse.batch_stop_job_run = _batch_stop_job_run


def _run(runtime: Runtime, job: FakeJob, run: JobRun, child: Job) -> None:
    log_path = runtime.log_path("glue", f"{job.name}-{run.job_run_id}")
    error_path = log_path.with_suffix(".error.log")
    run.begin()
    try:
        if reason := runtime.befall("glue", job.name, child):
            run.end("FAILED", reason)
            return
        with (
            runtime.scratch("glue") as folder,
            following(log_path, f"{run.log_group}/output", run.job_run_id),
            following(error_path, f"{run.log_group}/error", run.job_run_id),
        ):
            script = folder / "script.py"
            download(runtime.client("s3", role=job.role), job.command["ScriptLocation"], script)
            outcome = child.run(
                [sys.executable, str(script), *_command_line(job, run)],
                env=runtime.child_environment(job.role),
                cwd=folder,
                log_path=log_path,
                error_path=error_path,
                timeout_seconds=run.timeout * 60,
            )
    except JobStoppedError:
        run.end("STOPPED")
    except (ClientError, ValueError, OSError) as error:
        run.end("FAILED", f"The script {job.command.get('ScriptLocation')} could not be started: {error}")
    else:
        _conclude(run, outcome, error_path)
    log.info("Glue job run %s of %s: %s %s", run.job_run_id, job.name, run.status, run.error_message or "")


def _command_line(job: FakeJob, run: JobRun) -> list[str]:
    arguments = {**run.arguments, "--JOB_NAME": job.name, "--JOB_RUN_ID": run.job_run_id}
    return [word for pair in arguments.items() for word in pair]


def _conclude(run: JobRun, outcome: Outcome, error_path: Path) -> None:
    if outcome.timed_out:
        run.end("TIMEOUT", f"Job run timed out after {run.timeout} minutes")
    elif outcome.returncode == 0:
        run.end("SUCCEEDED")
    else:
        run.end("FAILED", _last_line(error_path) or f"Command failed with exit code {outcome.returncode}")


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _batch_stop_job_run(response: GlueResponse) -> ActionResult:
    name, stopped, errors = response._get_param("JobName"), [], []
    runs = {run.job_run_id: run for run in response.glue_backend.get_job(name).job_runs}
    for run_id in response._get_param("JobRunIds"):
        run = runs.get(run_id)
        if run is None or not run.ask_to_stop():
            detail = (
                {"ErrorCode": "EntityNotFoundException", "ErrorMessage": f"Job run {run_id} not found."}
                if run is None
                else {
                    "ErrorCode": "InvalidInputException",
                    "ErrorMessage": f"Job run {run_id} is {run.status}.",
                }
            )
            errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
            continue
        if run.job.stop():
            run.end("STOPPED")
        stopped.append({"JobName": name, "JobRunId": run_id})
    return ActionResult({"SuccessfulSubmissions": stopped, "Errors": errors})
