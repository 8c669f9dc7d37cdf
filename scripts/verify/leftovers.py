"""Looks for what is still there of a verification: by its name in AWS's own lists, whatever was removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from botocore.exceptions import ClientError

from scripts.verify.evidence import Evidence

# Lists may show for a while what is gone, and AWS deletes state machines when it gets to it.
PATIENCE_SECONDS = 300
PAUSE_SECONDS = 3


def leftovers(it: Evidence, seconds: float = PATIENCE_SECONDS) -> list[str]:
    """Name what is still there, after waiting so long for it to go."""
    deadline = time.monotonic() + seconds
    while (found := sorted(_found(it))) and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    return found


def _found(it: Evidence) -> Iterator[str]:
    for kind, look in LOOKS:
        try:
            names = look(it)
        except ClientError as error:
            # Whoever may not look cannot say that nothing is there.
            names = [f"(not known: {error})"]
        yield from (f"{kind} {name}" for name in names)


def _in_pages(service: str, operation: str, result: str, name: str) -> Callable[[Evidence], list[str]]:
    """Names of what is listed that begin with the stack's."""

    def look(it: Evidence) -> list[str]:
        pages = it.client(service).get_paginator(operation).paginate()
        items = [item for page in pages for item in page[result]]
        names = [str(item[name] if name else item) for item in items]
        return [found for found in names if found.startswith(it.names.stack)]

    return look


def _stacks(it: Evidence) -> list[str]:
    pages = it.client("cloudformation").get_paginator("describe_stacks").paginate()
    return [
        f"{item['StackName']} ({item['StackStatus']})"
        for page in pages
        for item in page["Stacks"]
        if item["StackName"] == it.names.stack
    ]


def _buckets(it: Evidence) -> list[str]:
    found = it.client("s3").list_buckets()["Buckets"]
    return [item["Name"] for item in found if item["Name"].startswith(f"{it.names.stack}-")]


def _policies(it: Evidence) -> list[str]:
    pages = it.client("iam").get_paginator("list_policies").paginate(Scope="Local")
    names = [item["PolicyName"] for page in pages for item in page["Policies"]]
    return [name for name in names if name.startswith(f"{it.names.stack}-")]


def _logs(it: Evidence) -> list[str]:
    found = []
    for prefix in (f"/aws/sagemaker/Endpoints/{it.names.stack}", f"/aws/lambda/{it.names.stack}"):
        pages = it.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        found += [str(item["logGroupName"]) for page in pages for item in page["logGroups"]]
    return found


LOOKS: tuple[tuple[str, Callable[[Evidence], list[str]]], ...] = (
    ("stack", _stacks),
    (
        "state machine",
        _in_pages("stepfunctions", "list_state_machines", "stateMachines", "name"),
    ),
    (
        "training job",
        _in_pages("sagemaker", "list_training_jobs", "TrainingJobSummaries", "TrainingJobName"),
    ),
    ("endpoint", _in_pages("sagemaker", "list_endpoints", "Endpoints", "EndpointName")),
    (
        "endpoint config",
        _in_pages("sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
    ),
    ("model", _in_pages("sagemaker", "list_models", "Models", "ModelName")),
    ("role", _in_pages("iam", "list_roles", "Roles", "RoleName")),
    ("policy", _policies),
    ("function", _in_pages("lambda", "list_functions", "Functions", "FunctionName")),
    ("table", _in_pages("dynamodb", "list_tables", "TableNames", "")),
    ("bucket", _buckets),
    ("log group", _logs),
)
