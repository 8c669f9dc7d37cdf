"""Sets the account up: uploads the code, creates the stack of the project's template, lays the data."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError

from include.aws_code import INCLUDE, code_objects
from include.local_aws.flights import lay_flights
from include.local_aws.runtime import ACCOUNT_ID, AIRFLOW_USER, REGION, Runtime

log = logging.getLogger(__name__)

STACK_NAME = "model-retraining"
CODE_BUCKET = f"{STACK_NAME}-code-{ACCOUNT_ID}-{REGION}"


class ProvisioningError(Exception):
    """The account could not be set up."""


def provision(runtime: Runtime, *, cache_dir: Path) -> dict[str, str]:
    """
    Set the account up; what is there already stays as it is.

    Airflow gets a user of its own with the stack's policy for it, and no other rights.

    :param cache_dir: where the flights are kept between two starts.
    :return: the stack's outputs.
    :raises ProvisioningError: when the stack cannot be created.
    """
    parameters = _upload_code(runtime.client("s3"))
    outputs = _create_stack(runtime.client("cloudformation"), parameters)
    iam = runtime.client("iam")
    iam.create_user(UserName=AIRFLOW_USER)
    iam.attach_user_policy(UserName=AIRFLOW_USER, PolicyArn=outputs["AirflowPolicyArn"])
    lay_flights(runtime.client("s3"), outputs["Bucket"], now=datetime.now(UTC), cache_dir=cache_dir)
    return outputs


def _upload_code(s3: Any) -> dict[str, str]:
    s3.create_bucket(Bucket=CODE_BUCKET)
    objects = code_objects()
    for item in objects.values():
        s3.put_object(Bucket=CODE_BUCKET, Key=item.key, Body=item.content)
    return {"CodeBucket": CODE_BUCKET, **{name: item.key for name, item in objects.items()}}


def _create_stack(cloudformation: Any, parameters: dict[str, str]) -> dict[str, str]:
    cloudformation.create_stack(
        StackName=STACK_NAME,
        TemplateBody=(INCLUDE / "cloudformation" / "template.yaml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    try:
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=STACK_NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
    except WaiterError as error:
        pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=STACK_NAME)
        events = [event for page in pages for event in page["StackEvents"]]
        reasons = [event["ResourceStatusReason"] for event in events if event.get("ResourceStatusReason")]
        raise ProvisioningError(f"stack {STACK_NAME}: {error}; {'; '.join(reasons)}") from error
    stack = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
