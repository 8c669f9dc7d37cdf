"""Removes the stack, and what outlives a stack: its table, its buckets and its logs, and the role."""

from __future__ import annotations

from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from typing import Any

from scripts import aws_stack
from scripts.destroy_aws import destroy
from scripts.verify.evidence import Evidence
from scripts.verify.remove_work import etl_runs
from scripts.verify.waiting import RemovalError, unless_gone, wait_until

GLUE_LOGS = tuple(
    f"/aws-glue/{kind}/{log}" for kind in ("python-jobs", "jobs") for log in ("output", "error")
)
TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"


def role(it: Evidence) -> None:
    """Delete the role; a policy that somebody has cannot be deleted, so before the stack."""
    unless_gone(partial(_role, it.client("iam"), it.names.role))


def _role(iam: Any, name: str) -> None:
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=name)


def stack(it: Evidence) -> None:
    """Delete the stack once CloudFormation is done with whatever it does to it."""
    cloudformation, name = it.client("cloudformation"), it.names.stack

    def status() -> str:
        found = aws_stack.describe(cloudformation, name)
        return found["StackStatus"] if found else ""

    wait_until(
        lambda: status() == aws_stack.IN_REVIEW or not status().endswith("_IN_PROGRESS"),
        f"stack {name} does not settle",
    )
    if status() == aws_stack.IN_REVIEW:
        # There is nothing in it, not even a template.
        cloudformation.delete_stack(StackName=name)
        wait_until(lambda: not status(), f"stack {name} is not gone")
    elif status():
        # What it says of things that stay is not so here.
        with redirect_stdout(StringIO()):
            destroy(it.account, name, yes=True)


def table(it: Evidence) -> None:
    """Delete the deployments' table, which the stack leaves."""
    dynamodb = it.client("dynamodb")
    unless_gone(partial(dynamodb.delete_table, TableName=f"{it.names.stack}-deployments"))


def buckets(it: Evidence) -> list[str]:
    """Name the buckets of the data and of the code."""
    end = f"{it.account.number}-{it.account.region}"
    return [f"{it.names.stack}-{end}", f"{it.names.stack}-code-{end}"]


def empty_buckets(it: Evidence) -> None:
    """Delete the buckets, and what is in them."""
    for bucket in buckets(it):
        unless_gone(partial(_bucket, it.client("s3"), bucket))


def _bucket(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys = [{"Key": item["Key"]} for item in page.get("Contents", ())]
        if keys and (failed := s3.delete_objects(Bucket=bucket, Delete={"Objects": keys}).get("Errors")):
            raise RemovalError(f"{failed[0]['Key']}: {failed[0].get('Message')}")
    s3.delete_bucket(Bucket=bucket)


def etl_logs(it: Evidence) -> None:
    """Delete the log streams of Glue job runs, which nothing but the job tells the names of."""
    runs = [run["Id"] for found in etl_runs(it).values() for run in found]
    for group in GLUE_LOGS:
        for run in runs:
            unless_gone(partial(_streams, it.client("logs"), group, run))


def logs(it: Evidence) -> None:
    """Delete the log groups of endpoint and functions, and the streams of training jobs."""
    client, name = it.client("logs"), it.names.stack
    for prefix in (f"/aws/sagemaker/Endpoints/{it.names.endpoint}", f"/aws/lambda/{name}-"):
        pages = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for group in [item["logGroupName"] for page in pages for item in page["logGroups"]]:
            unless_gone(partial(client.delete_log_group, logGroupName=group))
    unless_gone(partial(_streams, client, TRAINING_LOGS, name))


def _streams(client: Any, group: str, prefix: str) -> None:
    pages = client.get_paginator("describe_log_streams").paginate(
        logGroupName=group, logStreamNamePrefix=prefix
    )
    for stream in [item["logStreamName"] for page in pages for item in page["logStreams"]]:
        client.delete_log_stream(logGroupName=group, logStreamName=stream)
