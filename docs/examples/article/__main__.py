"""Runs the article on flights: ``python -m docs.examples.article --help``."""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from datetime import UTC, datetime

import boto3
from botocore.exceptions import ClientError
from sagemaker.session import Session
from stepfunctions.workflow import Workflow

from docs.examples.article import resources as aws
from docs.examples.article import schedule
from docs.examples.article.workflow import workflow


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.examples.article", description=__doc__)
    parser.add_argument(
        "command",
        choices=["create", "run", "schedule", "remove"],
        help="create: roles, Glue job, function and state machine. run: one execution, waited for. schedule: "
        "let EventBridge start one every hour. remove: all but the endpoint and the bucket's objects",
    )
    parser.add_argument("--bucket", required=True, help="holds data/flights/, and gets article/")
    parser.add_argument("--name", default="flights-article", help="default: %(default)s")
    parser.add_argument("--rate", default="rate(1 hour)", help="of the schedule; default: %(default)s")
    parser.add_argument("--window-end", help="of one run, such as 2013-05-01T00:00:00Z; default: now")
    arguments = parser.parse_args()
    resources = aws.Resources(boto3.Session(), arguments.name, arguments.bucket)
    if arguments.command == "create":
        aws.create(resources)
        print(aws.once_roles_are_seen(_workflow(resources).create))
    elif arguments.command == "run":
        return _run(resources, arguments.window_end)
    elif arguments.command == "schedule":
        schedule.put(resources, arguments.rate)
    else:
        schedule.remove(resources)
        resources.session.client("stepfunctions").delete_state_machine(
            stateMachineArn=resources.state_machine
        )
        aws.remove(resources)
    return 0


def _run(resources: aws.Resources, window_end: str | None) -> int:
    name = f"flights-{uuid.uuid4()}"
    execution = _updated(resources).execute(
        inputs={
            "TrainingJobName": name,
            "GlueJobName": resources.name,
            "ModelName": name,
            "EndpointName": resources.name,
            "LambdaFunctionName": resources.name,
            "WindowEnd": window_end or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )
    while (described := execution.describe())["status"] == "RUNNING":
        time.sleep(2)
    print(described["status"], described.get("error", ""), described.get("cause", ""))
    # Now there is an endpoint to update, whatever starts the next execution.
    _updated(resources)
    return int(described["status"] != "SUCCEEDED")


def _updated(resources: aws.Resources) -> Workflow:
    """The state machine, brought up to date: it creates the endpoint, or updates the one that is there."""
    machine = _workflow(resources)
    machine.state_machine_arn = resources.state_machine
    machine.update(machine.definition)
    return machine


def _workflow(resources: aws.Resources) -> Workflow:
    sagemaker = Session(resources.session, default_bucket=resources.bucket)
    return workflow(resources, sagemaker, update=_serves(resources))


def _serves(resources: aws.Resources) -> bool:
    try:
        resources.session.client("sagemaker").describe_endpoint(EndpointName=resources.name)
    except ClientError as error:
        if "Could not find endpoint" not in str(error):
            raise
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
