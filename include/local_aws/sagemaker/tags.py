"""Tags of SageMaker's resources, by its own API and by the Resource Groups Tagging API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from moto.core.resource_tagging import TaggedResource
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeEndpointConfig, SageMakerModelBackend

from include.local_aws.faults.lag import Gone, is_seen

TAGGED = {
    "sagemaker:training-job": "training_jobs",
    "sagemaker:model": "_models",
    "sagemaker:endpoint-config": "endpoint_configs",
    "sagemaker:endpoint": "endpoints",
    "sagemaker:transform-job": "transform_jobs",
    "sagemaker:processing-job": "processing_jobs",
    "sagemaker:model-package-group": "model_package_groups",
}


_gone: defaultdict[str, Gone] = defaultdict(Gone)


def seen_in(backend: SageMakerModelBackend, collection: str) -> list[Any]:
    """What a list that is being answered sees of a collection: it may be behind."""
    there = [thing for thing in list(getattr(backend, collection).values()) if is_seen(thing.creation_time)]
    return there + [thing for thing in _gone[collection].seen() if is_seen(thing.creation_time)]


def _keep_deleted(method: str, collection: str) -> None:
    delete = getattr(SageMakerModelBackend, method)

    def noted_delete(backend: SageMakerModelBackend, name: str) -> None:
        thing = getattr(backend, collection).get(name)
        delete(backend, name)
        _gone[collection].add(thing)

    setattr(SageMakerModelBackend, method, noted_delete)


def install() -> None:
    """Put the corrections in place."""
    _keep_deleted("delete_model", "_models")
    _keep_deleted("delete_endpoint_config", "endpoint_configs")
    _keep_deleted("delete_endpoint", "endpoints")
    find = SageMakerModelBackend._get_resource_from_arn
    create_config = SageMakerModelBackend.create_endpoint_config
    get_resources = ResourceGroupsTaggingAPIBackend.get_resources

    def find_resource(backend: SageMakerModelBackend, arn: str) -> Any:
        resource = find(backend, arn)
        if resource is None:
            raise ValidationError(message=f"Could not find resource {arn}")
        return resource

    def create_endpoint_config(backend: SageMakerModelBackend, **request: Any) -> FakeEndpointConfig:
        config = create_config(backend, **request)
        # moto makes a tuple of it, by a comma too many.
        config.arn = config.endpoint_config_arn
        return config

    def get_pages(backend: ResourceGroupsTaggingAPIBackend, **request: Any) -> Any:
        # AWS counts resources; moto would also end a page after a hundred tags.
        return get_resources(backend, **{**request, "tags_per_page": float("inf")})

    SageMakerModelBackend._get_resource_from_arn = find_resource
    SageMakerModelBackend.create_endpoint_config = create_endpoint_config
    SageMakerModelBackend.add_tags = _add_tags
    SageMakerModelBackend.iter_tagged_resources = _iter_tagged_resources
    ResourceGroupsTaggingAPIBackend.get_resources = get_pages


def _add_tags(backend: SageMakerModelBackend, arn: str, tags: list[dict[str, str]]) -> list[dict[str, str]]:
    resource = backend._get_resource_from_arn(arn)
    replaced = {tag["Key"] for tag in tags}
    resource.tags = [*(tag for tag in resource.tags if tag["Key"] not in replaced), *tags]
    found: list[dict[str, str]] = resource.tags
    return found


def _iter_tagged_resources(backend: SageMakerModelBackend) -> Iterator[TaggedResource]:
    for resource_type, collection in TAGGED.items():
        # A copy, as moto goes on with it when the next page is asked for.
        for resource in seen_in(backend, collection):
            tags = {tag["Key"]: tag["Value"] for tag in resource.tags}
            yield TaggedResource(arn=resource.arn, tags=tags, resource_type=resource_type)
