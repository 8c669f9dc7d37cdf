"""Finds SageMaker resources by the tags that lead back to their runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook

STACK_TAG = "retraining:stack"
MODEL_TAG = "retraining:model"
DAG_TAG = "retraining:dag-id"
ENDPOINT_TAG = "retraining:endpoint"
RUN_TAG = "retraining:training-job-name"
WINDOW_START_TAG = "retraining:window-start"
WINDOW_END_TAG = "retraining:window-end"
METRIC_TAG = "retraining:metric"
# The most that GetResources takes (Resource Groups Tagging API).
BATCH = 100

Tags = dict[str, str]


class TagsHook(AwsGenericHook[Any]):
    """Reads the tags of many resources at once, where SageMaker's ListTags reads those of one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "resourcegroupstaggingapi"
        super().__init__(*args, **kwargs)

    def tagged(self, model: str, *types: str) -> dict[str, Tags]:
        """Find the resources of a model; what was deleted a moment ago may be among them.

        :param model: the model folder's name.
        :param types: such as ``sagemaker:model``.
        :return: tags by ARN.
        """
        pages = self.conn.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": MODEL_TAG, "Values": [model]}],
            ResourceTypeFilters=list(types),
            ResourcesPerPage=BATCH,
        )
        return {item["ResourceARN"]: _tags(item) for page in pages for item in page["ResourceTagMappingList"]}

    def tags_of(self, arns: Iterable[str]) -> dict[str, Tags]:
        """Read the tags of resources; those that have none, or do not exist, are left out.

        :return: tags by ARN.
        """
        asked = list(arns)
        found: dict[str, Tags] = {}
        for start in range(0, len(asked), BATCH):
            page = self.conn.get_resources(ResourceARNList=asked[start : start + BATCH])
            found |= {item["ResourceARN"]: _tags(item) for item in page["ResourceTagMappingList"]}
        return found


def _tags(item: dict[str, Any]) -> Tags:
    return {tag["Key"]: tag["Value"] for tag in item["Tags"]}
