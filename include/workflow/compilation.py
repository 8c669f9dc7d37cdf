"""What compiling a model gives: the definition for any account, and the training image of every region."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import boto3
import sagemaker
from stepfunctions.steps import Graph

from retraining.model.spec import Algorithm, ModelSpec
from retraining.workflow.surroundings import NAMED

# The SDK makes it of the session's region.
_RESOURCE = "arn:aws:states:::"


def compilation(spec: ModelSpec, graph: Graph) -> dict[str, Any]:
    """Give the compiled model as JSON can hold it; the names in it are those of ``Surroundings.values``.

    :param graph: built for :data:`NAMED`.
    """
    images = dict(_images(spec.algorithm))
    return {
        "definition": _named(json.loads(graph.to_json()), {images[NAMED.region]: "${TrainingImage}"}),
        "images": images,
    }


def _named(value: Any, texts: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _named(item, texts) for key, item in value.items()}
    if isinstance(value, list):
        return [_named(item, texts) for item in value]
    if not isinstance(value, str):
        return value
    if value.startswith(_RESOURCE):
        return "arn:${Partition}:states:::" + value.removeprefix(_RESOURCE)
    return texts.get(value, value).replace(NAMED.training_role, "${TrainingRole}")


def _images(algorithm: Algorithm) -> Iterator[tuple[str, str]]:
    session = boto3.Session(region_name=NAMED.region)
    for partition in session.get_available_partitions():
        for region in session.get_available_regions("sagemaker", partition):
            # Not every region of SageMaker's has every version.
            with suppress(ValueError):
                yield region, sagemaker.image_uris.retrieve(algorithm.name, region, algorithm.version)
