"""Glue's job runs: each really runs its job's script, in a process of its own, and again when it fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.core.responses import ActionResult
from moto.glue.exceptions import (
    ConcurrentRunsExceededException,
    EntityNotFoundException,
    InvalidInputException,
)
from moto.glue.models import FakeJob, FakeJobRun
from moto.glue.responses import GlueResponse

from include.local_aws.events import bus
from include.local_aws.glue import commands
from include.local_aws.glue.job_definitions import capacity
from include.local_aws.glue.job_rules import SHELL, run_faults
from include.local_aws.glue.launch_error import LaunchError
from include.local_aws.glue.roles import arn_of, can_be_taken
from include.local_aws.jobs import Job, JobStoppedError, Outcome
from include.local_aws.logs.streams import following
from include.local_aws.runtime import Runtime

log = logging.getLogger(__name__)

# Of a run's end, in its event.
SEVERITIES = {"FAILED": "ERROR", "TIMEOUT": "WARN"}
UNFINISHED = ("STARTING", "RUNNING", "STOPPING")
# What a run may be given in the place of what its job says.
_OVERRIDES = ("Timeout", "SecurityConfiguration", "NotificationProperty", "ExecutionClass")

# Taken for whatever reads a run's state in order to change it.
_lock = threading.Lock()


class JobRun(FakeJobRun):  # type: ignore[misc]
    """
    A run whose state is that of its process, where moto's moves by the number of times one looks.

    :param given: what StartJobRun was given.
    :param attempt: how often it was tried before.
    """

    status = "STARTING"
    child: Job
    error_message: str | None = None
    running_since: datetime | None = None
    completed_on: datetime | None = None

    job_run_id: str

    def __init__(self, job: FakeJob, given: Mapping[str, Any], attempt: int = 0, first_id: str = "") -> None:
        super().__init__(job_name=job.name, timeout=given.get("Timeout") or job.timeout)
        self.given, self.attempt = given, attempt
        self.first_id = first_id or self.job_run_id
        self.previous_id = given.get("JobRunId")
        if attempt:
            # No document says so; the ids of retries are so in many public reports.
            self.job_run_id = f"{self.first_id}_attempt_{attempt}"
            self.previous_id = f"{self.first_id}_attempt_{attempt - 1}" if attempt > 1 else self.first_id
        # Those of the job are not shown with it: boto/boto3#3506.
        self.arguments = given.get("Arguments") or {}
        self.completed_on = None
        # The job as it is now: updating it does not change the run.
        self.job = job

    def advance(self) -> None:
        """Looking at a run does not change it."""

    @property
    def is_shell(self) -> bool:
        return bool(self.job.command["Name"] == SHELL)

    @property
    def log_group(self) -> str:
        """
        https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html.

        The Amazon provider's GlueJobOperator(verbose=True) reads below it, in /output and /error.
        """
        return "/aws-glue/python-jobs" if self.is_shell else "/aws-glue/jobs"

    @property
    def all_arguments(self) -> dict[str, str]:
        """What the script is called with, as Glue merges it."""
        return {
            **self.job.default_arguments,
            **self.arguments,
            **(self.job.non_overridable_arguments or {}),
        }

    def begin(self) -> None:
        with _lock:
            self.running_since = self.modified_on = datetime.now(UTC)
            if self.status == "STARTING":
                self.status = "RUNNING"

    def end(self, status: str, error_message: str | None = None) -> None:
        with _lock:
            self.error_message = error_message
            self.completed_on = self.modified_on = datetime.now(UTC)
            self.status = status
        # https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
        detail = {
            "jobName": self.job_name,
            "severity": SEVERITIES.get(status, "INFO"),
            "state": status,
            "jobRunId": self.job_run_id,
            "message": error_message or f"Job run {status.lower()}",
        }
        bus.publish("aws.glue", "Glue Job State Change", detail, [])

    def ask_to_stop(self) -> bool:
        """Say that the run is being stopped, unless it has ended."""
        with _lock:
            if self.status in UNFINISHED:
                self.status = "STOPPING"
            return self.status == "STOPPING"

    def as_dict(self) -> dict[str, Any]:
        until = self.completed_on or datetime.now(UTC)
        given, job = self.given, self.job
        worker, workers = given.get("WorkerType"), given.get("NumberOfWorkers")
        if not worker and not given.get("MaxCapacity"):
            worker, workers = job.worker_type, job.number_of_workers
        dpus = capacity(job, worker, workers, given.get("MaxCapacity"))
        of_job = job.as_dict()
        shown = {
            "Id": self.job_run_id,
            "Attempt": self.attempt,
            "PreviousRunId": self.previous_id,
            "JobName": job.name,
            "JobMode": "SCRIPT",
            "JobRunQueuingEnabled": False,
            "StartedOn": self.started_on,
            "LastModifiedOn": self.modified_on,
            "CompletedOn": self.completed_on,
            "JobRunState": self.status,
            "Arguments": self.arguments or None,
            "ErrorMessage": self.error_message,
            "PredecessorRuns": [],
            "AllocatedCapacity": int(dpus),
            "MaxCapacity": dpus,
            "WorkerType": worker,
            "NumberOfWorkers": workers,
            "ExecutionTime": int((until - self.running_since).total_seconds()) if self.running_since else 0,
            "LogGroupName": self.log_group,
            "GlueVersion": job.glue_version,
            **{name: given.get(name) or of_job[name] for name in _OVERRIDES},
        }
        return {name: value for name, value in shown.items() if value is not None}


def install(runtime: Runtime) -> None:
    """Make Glue's job runs real."""

    def start_job_run(response: GlueResponse) -> ActionResult:
        given, backend = response.parameters, response.glue_backend
        if given["JobName"] not in backend.jobs:
            # AWS's words, as its users quote them.
            raise EntityNotFoundException("Failed to start job run due to missing metadata.")
        job = backend.jobs[given["JobName"]]
        if fault := next(run_faults(job.as_dict(), given), None):
            raise InvalidInputException("StartJobRun", fault)
        run = JobRun(job, given)
        with _lock:
            running = sum(other.status in UNFINISHED for other in job.job_runs)
            if running >= job.execution_property.get("MaxConcurrentRuns", 1):
                raise ConcurrentRunsExceededException(f"Concurrent runs exceeded for {job.name}")
            _submit(runtime, run)
        return ActionResult({"JobRunId": run.job_run_id})

    GlueResponse.start_job_run = start_job_run
    GlueResponse.batch_stop_job_run = _batch_stop_job_run
    FakeJob.get_job_runs = _newest_first


def _newest_first(job: FakeJob) -> list[JobRun]:
    return list(reversed(job.job_runs))


def _submit(runtime: Runtime, run: JobRun) -> None:
    run.child = runtime.compute.submit(
        f"{run.job.name}/{run.job_run_id}", lambda child: _run(runtime, run, child)
    )
    # Last, as whoever finds it there may stop it.
    run.job.job_runs.append(run)


def _run(runtime: Runtime, run: JobRun, child: Job) -> None:
    job = run.job
    log_path = runtime.log_path("glue", f"{job.name}-{run.job_run_id}")
    error_path = log_path.with_suffix(".error.log")
    if not can_be_taken(job.role):
        # AWS's words, as its users quote them.
        run.end(
            "FAILED",
            f"JobName:{job.name} and JobRunId:{run.job_run_id} failed to execute with exception "
            f"Role {arn_of(job.role)} should be given assume role permissions for Glue Service.",
        )
        return
    run.begin()
    try:
        if reason := runtime.befall("glue", job.name, child):
            run.end("FAILED", reason)
        else:
            with (
                runtime.scratch("glue") as folder,
                following(log_path, f"{run.log_group}/output", run.job_run_id),
                following(error_path, f"{run.log_group}/error", run.job_run_id),
            ):
                command = commands.prepare(runtime, run, folder, child, log_path)
                outcome = child.run(
                    command.words,
                    env=command.environment,
                    cwd=folder,
                    log_path=log_path,
                    error_path=error_path,
                    timeout_seconds=run.timeout * 60,
                )
            _conclude(run, outcome, error_path)
    except JobStoppedError:
        run.end("STOPPED")
    except LaunchError as error:
        run.end("FAILED", str(error))
    log.info("Glue job run %s of %s: %s %s", run.job_run_id, job.name, run.status, run.error_message or "")
    if run.status == "FAILED" and run.attempt < job.max_retries:
        # Runs that time out are not tried again: https://docs.aws.amazon.com/glue/latest/dg/add-job.html
        with _lock:
            _submit(runtime, JobRun(job, run.given, run.attempt + 1, run.first_id))


def _conclude(run: JobRun, outcome: Outcome, error_path: Path) -> None:
    if outcome.timed_out:
        run.end("TIMEOUT", "Job run timed out")
    elif outcome.returncode == 0:
        run.end("SUCCEEDED")
    else:
        run.end("FAILED", _reason(error_path) or f"Command failed with exit code {outcome.returncode}")


def _reason(path: Path) -> str:
    """What the script raised, or else the last that it said of errors."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    raised = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call")]
    if raised:
        said = [line for line in lines[raised[-1] + 1 :] if not line.startswith(" ")]
        # An error of Java has its own words in the next line, and its stack below them.
        return "".join(said[:2] if said[1:] and said[1].startswith(": ") else said[:1]).strip()
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
        if run.child.stop():
            run.end("STOPPED")
        stopped.append({"JobName": name, "JobRunId": run_id})
    return ActionResult({"SuccessfulSubmissions": stopped, "Errors": errors})
