"""Glue's jobs as they are defined: made once, updated whole, with the defaults that AWS shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.glue.exceptions import GlueClientError, InvalidInputException, JobNotFoundException
from moto.glue.models import FakeJob, GlueBackend
from moto.glue.responses import GlueResponse

from include.local_aws.glue.job_rules import SHELL, SPARK, job_faults

# AWS's name of each argument of moto's model of a job.
PROPERTIES = {
    "role": "Role",
    "command": "Command",
    "description": "Description",
    "log_uri": "LogUri",
    "execution_property": "ExecutionProperty",
    "default_arguments": "DefaultArguments",
    "non_overridable_arguments": "NonOverridableArguments",
    "connections": "Connections",
    "max_retries": "MaxRetries",
    "allocated_capacity": "AllocatedCapacity",
    "timeout": "Timeout",
    "max_capacity": "MaxCapacity",
    "security_configuration": "SecurityConfiguration",
    "tags": "Tags",
    "notification_property": "NotificationProperty",
    "glue_version": "GlueVersion",
    "number_of_workers": "NumberOfWorkers",
    "worker_type": "WorkerType",
    "code_gen_configuration_nodes": "CodeGenConfigurationNodes",
    "execution_class": "ExecutionClass",
    "source_control_details": "SourceControlDetails",
}
# DPUs of a worker: https://docs.aws.amazon.com/glue/latest/dg/worker-types.html
DPUS = {"G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8, "G.12X": 12, "G.16X": 16}
DPUS |= {"R.1X": 1, "R.2X": 2, "R.4X": 4, "R.8X": 8}
# https://docs.aws.amazon.com/glue/latest/webapi/API_CreateJob.html
DEFAULT_DPUS = {SHELL: 0.0625, SPARK: 10.0}
LONG_TIMEOUT, SHORT_TIMEOUT = 2880, 480


def install() -> None:
    """Create and update jobs as Glue does."""
    GlueResponse.create_job = _create_job
    GlueResponse.update_job = _update_job


def define(
    backend: GlueBackend, name: str, given: Mapping[str, Any], replaced: FakeJob | None = None
) -> FakeJob:
    """
    Make a job.

    :param given: by AWS's names; what is not given gets AWS's defaults.
    :param replaced: the job that it takes the place of, whose runs it keeps.
    :raises InvalidInputException: when Glue refuses it.
    """
    if fault := next(job_faults(given), None):
        raise InvalidInputException("CreateJob", fault)
    arguments = {argument: given.get(property_) for argument, property_ in PROPERTIES.items()}
    arguments["tags"] = arguments["tags"] or {}
    job = FakeJob(name, **arguments, backend=backend)
    _put_in_defaults(job)
    job.definition = given
    if replaced is not None:
        job.created_on, job.job_runs = replaced.created_on, replaced.job_runs
        job.last_modified_on = datetime.now(UTC)
    backend.jobs[name] = job
    return job


def capacity(job: FakeJob, worker: str | None, workers: int | None, given: Any) -> float:
    """The DPUs that a job, or a run of it, has."""
    if worker and workers:
        return float(DPUS[worker] * workers)
    return float(given or job.max_capacity or job.allocated_capacity or DEFAULT_DPUS[job.command["Name"]])


def _put_in_defaults(job: FakeJob) -> None:
    job.command = {"Name": SPARK, **job.command}
    job.max_retries = job.max_retries or 0
    job.execution_property = job.execution_property or {"MaxConcurrentRuns": 1}
    if job.command["Name"] == SHELL and not job.glue_version:
        # No document says so; public reports show 1.0 with Python 3.6 and 3.0 with Python 3.9.
        job.glue_version = "3.0" if job.command.get("PythonVersion") == "3.9" else "1.0"
    job.timeout = job.timeout or (LONG_TIMEOUT if job.glue_version < "5" else SHORT_TIMEOUT)
    job.max_capacity = capacity(job, job.worker_type, job.number_of_workers, job.max_capacity)
    job.allocated_capacity = int(job.max_capacity)


def _create_job(response: GlueResponse) -> ActionResult:
    given, backend = response.parameters, response.glue_backend
    name = given["Name"]
    if name not in backend.jobs:
        define(backend, name, given)
    elif given != backend.jobs[name].definition:
        raise GlueClientError(
            "IdempotentParameterMismatchException",
            f"Job with name {name} already submitted with different configuration",
        )
    return ActionResult({"Name": name})


def _update_job(response: GlueResponse) -> ActionResult:
    """https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateJob.html: what is not given is taken away."""
    name, given, backend = (
        response.parameters["JobName"],
        response.parameters["JobUpdate"],
        response.glue_backend,
    )
    if name not in backend.jobs:
        raise JobNotFoundException(name)
    if missing := {"Role", "Command"} - set(given):
        raise InvalidInputException("UpdateJob", f"{min(missing)} should not be null.")
    before = backend.jobs[name].definition
    # All but this, which the same page says is kept.
    kept = {key: before[key] for key in ("GlueVersion",) if key in before}
    define(backend, name, {**kept, **given}, backend.jobs[name])
    return ActionResult({"JobName": name})
