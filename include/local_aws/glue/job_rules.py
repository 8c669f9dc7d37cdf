"""
What Glue refuses of a job or a run: values that its API model allows and its documentation does not.

https://docs.aws.amazon.com/glue/latest/webapi/API_CreateJob.html and
https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Parameters = Mapping[str, Any]

SHELL, SPARK = "pythonshell", "glueetl"
# What cannot be run here.
OTHER_COMMANDS = ("gluestreaming", "glueray")
# Ended on April 1, 2026: "You can no longer create new jobs" and no runs of old ones.
# https://docs.aws.amazon.com/glue/latest/dg/glue-version-support-policy.html
ENDED_VERSIONS = ("0.9", "1.0", "2.0")
# Those of which Spark 3.5 can stand in for the Spark that they have: 3.1, 3.3, 3.5 and 3.5.
SPARK_VERSIONS = ("3.0", "4.0", "5.0", "5.1")
# "Jobs that are created without specifying a Glue version default to Glue 6.0": botocore's model since 1.44.
NO_SPARK_4 = "which has Spark 4: numbers, dates and errors of SQL are not those of the Spark 3.5 that is here"
SHELL_CAPACITIES = (0.0625, 1.0)
MOST_DPUS = 100
MOST_RETRIES = 10
LONGEST_MINUTES = 10_080
# Parameters that would change what a run does, and have no effect here.
WITHOUT_EFFECT = ("JobRunQueuingEnabled", "MaintenanceWindow", "CodeGenConfigurationNodes")
_SCRIPT = re.compile(r"s3://[^/]+/.+")


def job_faults(job: Parameters) -> Iterator[str]:
    """
    Say what Glue refuses of a job.

    :param job: what CreateJob and UpdateJob are given of it.
    """
    command = job["Command"]
    kind = command.get("Name") or SPARK
    if kind in OTHER_COMMANDS:
        yield f"Command.Name: the embedded AWS runs {SPARK} and {SHELL}, got {kind}"
    elif kind not in (SHELL, SPARK):
        yield f"Command name {kind} is not valid; it should be {SPARK}, {SHELL}, gluestreaming or glueray."
    if not _SCRIPT.fullmatch(command.get("ScriptLocation") or ""):
        yield f"Command.ScriptLocation: {command.get('ScriptLocation')!r} is not the S3 path of a script."
    for name in WITHOUT_EFFECT:
        if job.get(name):
            yield f"{name}: not supported by the embedded AWS"
    yield from _capacity_faults(job)
    yield from _shell_faults(job) if kind == SHELL else _spark_faults(job)
    if not 0 <= (job.get("MaxRetries") or 0) <= MOST_RETRIES:
        yield f"MaxRetries should be from 0 to {MOST_RETRIES}, got {job['MaxRetries']}."
    yield from _timeout_faults(job)
    if (job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns", 1) < 1:
        yield "ExecutionProperty.MaxConcurrentRuns should be at least 1."


def run_faults(job: Parameters, run: Parameters) -> Iterator[str]:
    """
    Say what Glue refuses of a run.

    :param job: the job that is run.
    :param run: what StartJobRun is given.
    """
    if run.get("AllocatedCapacity") and run.get("MaxCapacity"):
        yield "Please set only Allocated Capacity or Max Capacity"
    for name in ("JobRunQueuingEnabled", "ExecutionRoleSessionPolicy"):
        if run.get(name):
            yield f"{name}: not supported by the embedded AWS"
    yield from _capacity_faults(run)
    given = {name: run[name] for name in ("WorkerType", "NumberOfWorkers", "MaxCapacity") if run.get(name)}
    if job["Command"].get("Name") == SHELL:
        yield from _shell_faults({**given, "Command": {}})
    elif given:
        yield from _spark_faults({**given, "GlueVersion": job.get("GlueVersion")})
    yield from _timeout_faults(run)


def _capacity_faults(given: Parameters) -> Iterator[str]:
    workers = [name for name in ("WorkerType", "NumberOfWorkers") if given.get(name)]
    capacity = [name for name in ("MaxCapacity", "AllocatedCapacity") if given.get(name)]
    if workers and capacity:
        words = re.sub(r"(?<=.)(?=[A-Z])", " ", capacity[0])
        yield f"Please do not set {words} if using Worker Type and Number of Workers."
    elif len(workers) == 1:
        yield "Please set both Worker Type and Number of Workers."


def _shell_faults(given: Parameters) -> Iterator[str]:
    if given.get("WorkerType") or given.get("NumberOfWorkers"):
        yield f"Worker Type is not supported for Job Command {SHELL}"
    if (capacity := given.get("MaxCapacity")) and float(capacity) not in SHELL_CAPACITIES:
        yield f"Max Capacity of a {SHELL} job should be 0.0625 or 1, got {capacity}."
    if given["Command"].get("PythonVersion") == "2":
        yield f"Python version 2 of a {SHELL} job has reached its end of life; it should be 3.9."
    if given.get("ExecutionClass") == "FLEX":
        yield f"Execution Class FLEX is not supported for Job Command {SHELL}"


def _spark_faults(given: Parameters) -> Iterator[str]:
    version = given.get("GlueVersion")
    if version in ENDED_VERSIONS:
        yield f"Glue version {version} has reached its end of life."
    elif version not in SPARK_VERSIONS:
        why = {None: f"; without one, AWS takes 6.0, {NO_SPARK_4}", "6.0": f", got 6.0, {NO_SPARK_4}"}
        versions = ", ".join(SPARK_VERSIONS)
        yield f"GlueVersion: the embedded AWS runs {versions}{why.get(version, f', got {version}')}"
    if (capacity := given.get("MaxCapacity")) and (capacity % 1 or not 2 <= capacity <= MOST_DPUS):
        yield f"Max Capacity of a {SPARK} job should be a whole number from 2 to {MOST_DPUS}, got {capacity}."
    if given.get("WorkerType") in ("G.025X", "Z.2X", "Standard"):
        yield f"Worker Type {given['WorkerType']} is not supported for Job Command {SPARK} and Glue {version}"


def _timeout_faults(given: Parameters) -> Iterator[str]:
    if (given.get("Timeout") or 0) > LONGEST_MINUTES:
        yield f"Timeout should not be more than {LONGEST_MINUTES} minutes, got {given['Timeout']}."
