"""
Parameters that AWS refuses together, or one without another: what its API models say in prose only.

Each rule stands on the operation's page of the service's API reference and in the documentation of botocore's
model, read for every operation that the project calls. Those that moto keeps to are not here again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from include.local_aws.validation.constraints import Parameters

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html: of a template that
# is not in S3, in bytes.
LARGEST_TEMPLATE = 51_200
STACK_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
# Families of SageMaker's instance types with local storage:
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-store-volumes.html
LOCAL_STORAGE = {
    *("c5d", "c6gd", "dl1", "g4dn", "g5", "g6", "g6e", "g7", "g7e", "m5d", "m6gd", "p3dn", "p4d", "p4de"),
    *("p5", "p5e", "p5en", "p6-b200", "p6-b300", "p6e-gb200", "r5d", "r6gd", "r7gd", "trn1", "trn1n", "trn2"),
}


def broken_rules(operation: str, parameters: Parameters) -> Iterator[str]:
    """
    Say what of a request cannot go together.

    :param operation: service and operation, such as ``glue.StartJobRun``.
    """
    yield from _tags(parameters)
    if rule := RULES.get(operation):
        yield from rule(parameters)


def _tags(given: Parameters) -> Iterator[str]:
    # https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
    tags = given.get("Tags") or given.get("tags") or []
    if isinstance(tags, Mapping):
        keys = list(tags)
    else:
        keys = [tag.get("Key") or tag.get("key") or "" for tag in tags if isinstance(tag, Mapping)]
    if reserved := [key for key in keys if key.lower().startswith("aws:")]:
        yield f"aws: prefixed tag key names are not allowed for external use: {reserved[0]}"
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        yield f"Duplicate tag keys found: {', '.join(twice)}"


def _list_executions(given: Parameters) -> Iterator[str]:
    machine, map_run = given.get("stateMachineArn"), given.get("mapRunArn")
    if bool(machine) is bool(map_run):
        yield "Specify either a mapRunArn or a stateMachineArn, but not both"
    if machine and given.get("statusFilter") == "PENDING_REDRIVE":
        yield "The statusFilter PENDING_REDRIVE takes a mapRunArn: it is not valid with a stateMachineArn"


def _state_machine(given: Parameters) -> Iterator[str]:
    if given.get("versionDescription") and not given.get("publish"):
        yield "versionDescription can be set only if publish is true"


def _get_resources(given: Parameters) -> Iterator[str]:
    others = ("TagFilters", "ResourceTypeFilters", "ResourcesPerPage", "TagsPerPage", "PaginationToken")
    if given.get("ResourceARNList") and (found := [name for name in others if given.get(name)]):
        yield f"ResourceARNList cannot be specified together with {', '.join(found)}"
    if given.get("ExcludeCompliantResources") and not given.get("IncludeComplianceDetails"):
        yield "ExcludeCompliantResources can be used only if IncludeComplianceDetails is true"
    if (given.get("TagsPerPage") or 100) % 100:
        yield "TagsPerPage must be a multiple of 100"


def _create_training_job(given: Parameters) -> Iterator[str]:
    algorithm, resources = given["AlgorithmSpecification"], given.get("ResourceConfig") or {}
    if bool(algorithm.get("TrainingImage")) is bool(algorithm.get("AlgorithmName")):
        yield "AlgorithmSpecification: specify either AlgorithmName or TrainingImage, and not both"
    if resources.get("VolumeKmsKeyId"):
        yield from _without_key("ResourceConfig.VolumeKmsKeyId", [resources.get("InstanceType")])
    stopping = given.get("StoppingCondition") or {}
    longest, wait = stopping.get("MaxRuntimeInSeconds"), stopping.get("MaxWaitTimeInSeconds")
    if given.get("EnableManagedSpotTraining") and not wait:
        yield "MaxWaitTimeInSeconds must be specified when EnableManagedSpotTraining is true"
    if wait and longest and wait < longest:
        yield "MaxWaitTimeInSeconds must be equal to or greater than MaxRuntimeInSeconds"


def _create_model(given: Parameters) -> Iterator[str]:
    if bool(given.get("PrimaryContainer")) is bool(given.get("Containers")):
        yield "Specify either PrimaryContainer or Containers, and not both"


def _create_endpoint_config(given: Parameters) -> Iterator[str]:
    variants = given["ProductionVariants"]
    if given.get("KmsKeyId"):
        yield from _without_key("KmsKeyId", [variant.get("InstanceType") for variant in variants])
    if len({variant["VariantName"] for variant in variants}) < len(variants):
        yield "ProductionVariants: each VariantName must be unique"


def _without_key(parameter: str, types: list[str | None]) -> Iterator[str]:
    if found := [name for name in types if name and name.split(".")[1] in LOCAL_STORAGE]:
        yield f"{parameter}: {found[0]} has local storage, for which no key can be requested"


def _scan(given: Parameters) -> Iterator[str]:
    if (given.get("Segment") is None) is not (given.get("TotalSegments") is None):
        yield "Segment and TotalSegments must be specified together"
    if given.get("ProjectionExpression") and given.get("Select") not in (None, "SPECIFIC_ATTRIBUTES"):
        yield "Cannot specify the ProjectionExpression unless Select is SPECIFIC_ATTRIBUTES"


def _template(given: Parameters) -> Iterator[str]:
    name, body = given.get("StackName") or "", given.get("TemplateBody") or ""
    # An ARN names a stack that is there.
    if not name.startswith("arn:") and not STACK_NAME.fullmatch(name):
        yield (
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {STACK_NAME.pattern}"
        )
    if (size := len(body.encode())) > LARGEST_TEMPLATE:
        yield f"templateBody has {size} bytes; the most is {LARGEST_TEMPLATE}: use TemplateURL"
    sources = [name for name in ("TemplateBody", "TemplateURL", "UsePreviousTemplate") if given.get(name)]
    if len(sources) != 1:
        yield "Either Template URL or Template Body must be specified, and not both."
    if "AWS::IAM::" in body and not {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} & {
        *(given.get("Capabilities") or ())
    }:
        yield "Requires capabilities : [CAPABILITY_IAM]"


RULES: Mapping[str, Callable[[Parameters], Iterator[str]]] = {
    "stepfunctions.ListExecutions": _list_executions,
    "stepfunctions.CreateStateMachine": _state_machine,
    "stepfunctions.UpdateStateMachine": _state_machine,
    "resourcegroupstaggingapi.GetResources": _get_resources,
    "sagemaker.CreateTrainingJob": _create_training_job,
    "sagemaker.CreateModel": _create_model,
    "sagemaker.CreateEndpointConfig": _create_endpoint_config,
    "dynamodb.Scan": _scan,
    "cloudformation.CreateStack": _template,
    "cloudformation.UpdateStack": _template,
    "cloudformation.CreateChangeSet": _template,
}
