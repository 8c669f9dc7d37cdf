"""CloudFormation, over moto: resource types, change sets, names and states as AWS has them."""

from __future__ import annotations

from include.local_aws.cloudformation import bucket, change_sets, iam, resource_names, resources
from include.local_aws.runtime import Runtime


def install(_runtime: Runtime) -> None:
    """Put the replacements in place."""
    resources.install()
    resource_names.install()
    bucket.install()
    iam.install()
    change_sets.install()
