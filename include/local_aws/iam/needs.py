"""
Which actions on which resources a request needs, as the Service Authorization Reference has it:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from include.local_aws.iam.item_attributes import accessed
from include.local_aws.iam.policy import Need

# Where IAM's name of a service is not boto3's.
PREFIXES = {
    "stepfunctions": "states",
    "sagemaker-runtime": "sagemaker",
    "resourcegroupstaggingapi": "tag",
    "service-quotas": "servicequotas",
}
# Where IAM's name of an action is not the operation's.
ACTIONS = {
    "lambda.Invoke": "InvokeFunction",
    "s3.ListObjects": "ListBucket",
    "s3.ListObjectsV2": "ListBucket",
    "s3.HeadBucket": "ListBucket",
    "s3.HeadObject": "GetObject",
    "s3.DeleteObjects": "DeleteObject",
    "s3.CreateMultipartUpload": "PutObject",
    "s3.UploadPart": "PutObject",
    "s3.CopyObject": "PutObject",
    "s3.UploadPartCopy": "PutObject",
    "s3.ListParts": "ListMultipartUploadParts",
    "s3.ListMultipartUploads": "ListBucketMultipartUploads",
    "s3.ListObjectVersions": "ListBucketVersions",
    "s3.ListBuckets": "ListAllMyBuckets",
    "sns.PublishBatch": "Publish",
    "sqs.SendMessageBatch": "SendMessage",
    "sqs.DeleteMessageBatch": "DeleteMessage",
    "sqs.ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "s3.CompleteMultipartUpload": "PutObject",
}
# Kinds of resources by the parameters that name them.
RESOURCES: dict[str, Mapping[str, str]] = {
    "sagemaker": {
        "EndpointName": "endpoint",
        "EndpointConfigName": "endpoint-config",
        "ModelName": "model",
        "TrainingJobName": "training-job",
        "TransformJobName": "transform-job",
        "ProcessingJobName": "processing-job",
        "ModelPackageGroupName": "model-package-group",
    },
    "glue": {"JobName": "job"},
    "dynamodb": {"TableName": "table"},
    "cloudformation": {"StackName": "stack"},
    "lambda": {"FunctionName": "function"},
    "iam": {"RoleName": "role"},
}
# What AWS grants on all resources alone, although its parameters name one of the above.
ON_EVERYTHING = {
    "cloudformation.CreateGeneratedTemplate",
    *("glue.GetJobBookmark", "glue.ResetJobBookmark"),
    *("sagemaker.ListDataQualityJobDefinitions", "sagemaker.ListDevices"),
    *("sagemaker.ListModelBiasJobDefinitions", "sagemaker.ListModelExplainabilityJobDefinitions"),
    *("sagemaker.ListModelQualityJobDefinitions", "sagemaker.ListMonitoringExecutions"),
    "sagemaker.ListMonitoringSchedules",
}
# Parameters that name what an operation uses, and is not granted on.
ONLY_NAMED = ("CreateTransformJob.ModelName",)
# Parameters that are ARNs of what a request is about.
ARNS = ("ResourceArn", "stateMachineArn", "stateMachineVersionArn", "executionArn", "resourceArn", "TopicArn")
# Parameters that hand a role over, which takes iam:PassRole.
ROLES = ("RoleArn", "ExecutionRoleArn", "roleArn")
# Always allowed: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
FREE = ("sts:GetCallerIdentity",)


def needs(
    service: str, operation: str, parameters: Mapping[str, Any], *, region: str, account: str
) -> Iterator[Need]:
    """
    What a request needs.

    :param service: boto3's name of the service.
    :param operation: as boto3's models name it, such as ``CreateModel``.
    :param parameters: the request's, by boto3's names.
    """
    prefix = PREFIXES.get(service, service)
    action = f"{prefix}:{ACTIONS.get(f'{service}.{operation}', operation)}"
    if action in FREE:
        return
    resources = list(_resources(service, operation, parameters, f"arn:aws:{prefix}:{region}:{account}:"))
    context: dict[str, str | tuple[str, ...]] = {}
    if action == "s3:ListBucket":
        context = {"s3:prefix": parameters.get("Prefix", "")}
    elif prefix == "dynamodb":
        context = {"dynamodb:Attributes": accessed(parameters)}
    for resource in resources or ["*"]:
        yield Need(action, resource, context)
    if source := parameters.get("CopySource"):
        path = unquote(source).partition("?versionId=")[0].lstrip("/")
        yield Need("s3:GetObject", f"arn:aws:s3:::{path}")
    for extra in _extras(service, operation, parameters):
        for resource in resources:
            yield Need(f"{prefix}:{extra}", resource)
    for name in ROLES:
        if name in parameters:
            yield Need("iam:PassRole", parameters[name], {"iam:PassedToService": f"{prefix}.amazonaws.com"})


def _resources(service: str, operation: str, parameters: Mapping[str, Any], stem: str) -> Iterator[str]:
    if f"{service}.{operation}" in ON_EVERYTHING:
        return
    if service == "s3":
        yield from _s3_resources(operation, parameters)
        return
    for name in ARNS:
        if name in parameters:
            yield parameters[name]
    if service == "sqs" and "QueueUrl" in parameters:
        yield f"{stem}{parameters['QueueUrl'].rpartition('/')[2]}"
    if operation == "CreateStateMachine":
        yield f"{stem}stateMachine:{parameters['name']}"
    kinds = RESOURCES.get("sagemaker" if service == "sagemaker-runtime" else service, {})
    for name, kind in kinds.items():
        if f"{operation}.{name}" in ONLY_NAMED:
            continue
        if value := parameters.get(name):
            yield value if value.startswith("arn:") else _arn(stem, kind, value)


def _arn(stem: str, kind: str, name: str) -> str:
    if kind == "function":
        return f"{stem}function:{name}"
    if kind == "role":
        # IAM is global: its ARNs have no region.
        _, _, _, _, account, _ = stem.split(":")
        return f"arn:aws:iam::{account}:role/{name}"
    # A stack's ARN ends with an ID that the request does not have.
    return f"{stem}{kind}/{name}" + ("/id" if kind == "stack" else "")


def _s3_resources(operation: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    if "Bucket" not in parameters:
        return
    bucket = f"arn:aws:s3:::{parameters['Bucket']}"
    if operation == "DeleteObjects":
        for item in parameters["Delete"]["Objects"]:
            yield f"{bucket}/{item['Key']}"
    else:
        yield f"{bucket}/{parameters['Key']}" if parameters.get("Key") else bucket


def _extras(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Actions on the same resources that a request also takes."""
    if not operation.startswith(("Create", "Update")):
        return
    if service == "sagemaker" and parameters.get("Tags"):
        yield "AddTags"
    if service == "stepfunctions" and parameters.get("tags"):
        yield "TagResource"
    if service == "stepfunctions" and parameters.get("publish"):
        yield "PublishStateMachineVersion"
