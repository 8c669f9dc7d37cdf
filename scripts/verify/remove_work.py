"""Ends and removes what retrains are and make: executions, jobs, the endpoint, configs and models."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from scripts.verify.evidence import Evidence
from scripts.verify.waiting import GONE, unless_gone, wait_until

MOVING = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
GLUE_JOB = "AWS::Glue::Job"
ACTIVE = ("STARTING", "RUNNING", "WAITING")


def state_machines(it: Evidence) -> None:
    """Stop what runs, and delete the state machines; AWS does that when their executions have ended."""
    states = it.client("stepfunctions")
    for page in states.get_paginator("list_state_machines").paginate():
        for machine in page["stateMachines"]:
            if machine["name"].startswith(f"{it.names.stack}-"):
                unless_gone(partial(_state_machine, states, machine["stateMachineArn"]))


def _state_machine(states: Any, arn: str) -> None:
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=arn, statusFilter="RUNNING")
    for execution in [item["executionArn"] for page in pages for item in page["executions"]]:
        states.stop_execution(executionArn=execution, cause="the verification is removed")
    states.delete_state_machine(stateMachineArn=arn)


def training_jobs(it: Evidence) -> None:
    """Stop training jobs, and delete the records of those that have ended."""
    sagemaker = it.client("sagemaker")
    for name in _under_way(it):
        unless_gone(partial(sagemaker.stop_training_job, TrainingJobName=name))
    wait_until(lambda: not _under_way(it), "training jobs do not end")
    for job in list(_listed(it, "list_training_jobs", "TrainingJobSummaries")):
        unless_gone(partial(sagemaker.delete_training_job, TrainingJobName=job["TrainingJobName"]))


def _under_way(it: Evidence) -> list[str]:
    """A stopped execution stops its jobs; one that ended before it could do so does not."""
    return [
        job["TrainingJobName"]
        for job in _listed(it, "list_training_jobs", "TrainingJobSummaries")
        if job["TrainingJobStatus"] in ("InProgress", "Stopping")
    ]


def etl_jobs(it: Evidence) -> None:
    """Stop runs of the stack's Glue jobs."""
    glue = it.client("glue")
    for job, runs in etl_runs(it).items():
        if active := [run["Id"] for run in runs if run["JobRunState"] in ACTIVE]:
            glue.batch_stop_job_run(JobName=job, JobRunIds=active)


def etl_runs(it: Evidence) -> dict[str, list[dict[str, Any]]]:
    """List the runs of the stack's Glue job; only the stack knows what CloudFormation has named it."""
    pages = it.client("cloudformation").get_paginator("list_stack_resources")
    try:
        resources = [
            item
            for page in pages.paginate(StackName=it.names.stack)
            for item in page["StackResourceSummaries"]
        ]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return {}
    jobs = [item.get("PhysicalResourceId") for item in resources if item["ResourceType"] == GLUE_JOB]
    runs = it.client("glue").get_paginator("get_job_runs")
    return {
        job: [run for page in runs.paginate(JobName=job) for run in page["JobRuns"]] for job in jobs if job
    }


def endpoint(it: Evidence) -> None:
    """Delete the endpoint; AWS deletes none that is being created or updated."""
    name = it.names.endpoint
    wait_until(lambda: _status(it) not in MOVING, f"endpoint {name} does not settle")
    if _status(it):
        it.client("sagemaker").delete_endpoint(EndpointName=name)
        wait_until(lambda: not _status(it), f"endpoint {name} is not gone")


def _status(it: Evidence) -> str:
    try:
        found = it.client("sagemaker").describe_endpoint(EndpointName=it.names.endpoint)
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        return ""
    return str(found["EndpointStatus"])


def endpoint_configs(it: Evidence) -> None:
    """Delete the endpoint configs."""
    for item in list(_listed(it, "list_endpoint_configs", "EndpointConfigs")):
        delete = it.client("sagemaker").delete_endpoint_config
        unless_gone(partial(delete, EndpointConfigName=item["EndpointConfigName"]))


def models(it: Evidence) -> None:
    """Delete the models."""
    for item in list(_listed(it, "list_models", "Models")):
        unless_gone(partial(it.client("sagemaker").delete_model, ModelName=item["ModelName"]))


def _listed(it: Evidence, operation: str, key: str) -> Iterator[dict[str, Any]]:
    """What SageMaker lists of the verification: names begin with the DAG's."""
    pages = it.client("sagemaker").get_paginator(operation).paginate(NameContains=it.names.stack)
    for page in pages:
        yield from page[key]
