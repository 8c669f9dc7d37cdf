"""SageMaker, over moto: jobs that train, endpoints that predict, lists and tags as AWS has them."""

from __future__ import annotations

from include.local_aws.runtime import Runtime
from include.local_aws.sagemaker import endpoints, inference, lists, models, supported, tags, training_jobs


def install(runtime: Runtime) -> None:
    """Put the replacements in place."""
    inference.install()
    tags.install()
    lists.install()
    training_jobs.install(runtime)
    models.install(runtime)
    endpoints.install(runtime)
    # Last, as it looks at what is there.
    supported.install()
