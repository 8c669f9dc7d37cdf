"""SageMaker, over moto: jobs that train, endpoints that predict, lists and tags as AWS has them."""

from __future__ import annotations

from include.local_aws.runtime import Runtime
from include.local_aws.sagemaker import (
    endpoints,
    inference,
    lists,
    model_registry,
    models,
    processing_jobs,
    supported,
    tags,
    training_jobs,
    transform_jobs,
)


def install(runtime: Runtime) -> None:
    """Put the replacements in place."""
    inference.install()
    tags.install()
    lists.install()
    training_jobs.install(runtime)
    transform_jobs.install(runtime)
    processing_jobs.install(runtime)
    model_registry.install()
    models.install(runtime)
    endpoints.install(runtime)
    # Last, as it looks at what is there.
    supported.install()
