"""CloudFormation: the resource types that moto lacks, and no silence about those that nobody has."""

from __future__ import annotations

import warnings
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend, Stack
from moto.core.common_models import CloudFormationModel
from moto.glue.models import glue_backends

from include.local_aws.cloudformation import (  # noqa: F401 - moto finds the subclasses of its models
    alarm,
    topic_policy,
)
from include.local_aws.cloudformation.resource_type import ResourceType
from include.local_aws.glue.job_definitions import PROPERTIES, define

# Access to buckets is not checked here: moto reads conditions so coarsely that a bucket that asks for TLS
# would refuse every request.
NOT_ENFORCED = ["AWS::S3::BucketPolicy"]


class GlueJob(ResourceType, CloudFormationModel):  # type: ignore[misc]
    """AWS::Glue::Job."""

    TYPE, NAME = "AWS::Glue::Job", "Name"

    @classmethod
    def put(cls, name: str, properties: dict[str, Any], account_id: str, region_name: str) -> None:
        if unknown := properties.keys() - set(PROPERTIES.values()) - {cls.NAME}:
            raise ValidationError(message=f"{cls.TYPE}: unsupported properties {sorted(unknown)}")
        given = {key: value for key, value in properties.items() if value is not None}
        # CloudFormation hands every number over as it was written, which may be as a string.
        numbers = {"MaxRetries": int, "Timeout": int, "NumberOfWorkers": int, "MaxCapacity": float}
        given |= {key: read(given[key]) for key, read in numbers.items() if key in given}
        limits = given.get("ExecutionProperty", {})
        given["ExecutionProperty"] = {key: int(value) for key, value in limits.items()}
        backend = glue_backends[account_id][region_name]
        define(backend, name, given, backend.jobs.get(name))

    @classmethod
    def delete(cls, name: str, account_id: str, region_name: str) -> None:
        glue_backends[account_id][region_name].delete_job(name)


def install() -> None:
    """Refuse resource types that nothing here makes; moto would leave them out with a warning."""
    parsing.NULL_MODELS.extend(NOT_ENFORCED)
    for resource_type in NOT_ENFORCED:
        warnings.filterwarnings("ignore", message=f"Tried to parse {resource_type}")
    find, clean = parsing.resource_class_from_type, parsing.clean_json

    def resource_class_from_type(resource_type: str) -> Any:
        found = find(resource_type)
        if found is None and resource_type not in parsing.NULL_MODELS:
            raise ValidationError(
                message=f"The embedded AWS does not support resources of type {resource_type}"
            )
        return found

    def clean_json(resource_json: Any, resources_map: Any) -> Any:
        cleaned = clean(resource_json, resources_map)
        # AWS::NoValue takes an element of a list away, where moto leaves a None.
        return [item for item in cleaned if item is not None] if isinstance(cleaned, list) else cleaned

    create = CloudFormationBackend.create_stack

    def create_stack(backend: CloudFormationBackend, name: str, *arguments: Any, **given: Any) -> Stack:
        try:
            return create(backend, name, *arguments, **given)
        except ValidationError:
            # A template that is refused leaves no stack.
            for stack in [stack for stack in backend.stacks.values() if stack.name == name]:
                del backend.stacks[stack.stack_id]
            raise

    delete = parsing.ResourceMap.delete

    def delete_all(resources: parsing.ResourceMap) -> None:
        # moto knows one way of retaining only.
        for resource in resources._resource_json_map.values():
            if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
                resource["DeletionPolicy"] = "Retain"
        delete(resources)

    parsing.resource_class_from_type = resource_class_from_type
    parsing.clean_json = clean_json
    CloudFormationBackend.create_stack = create_stack
    parsing.ResourceMap.delete = delete_all
