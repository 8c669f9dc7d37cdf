"""CloudFormation's roles and policies: moto updates none, deletes no policy, keeps a role's as no JSON."""

from __future__ import annotations

import json
from typing import Any

from moto.iam.exceptions import DeleteConflictException
from moto.iam.models import ManagedPolicy, Role, iam_backends
from moto.utilities.utils import get_partition


def install() -> None:
    """Put the updates in place."""
    put = Role.put_policy

    def put_policy(role: Role, policy_name: str, policy_json: Any) -> None:
        put(role, policy_name, policy_json if isinstance(policy_json, str) else json.dumps(policy_json))

    Role.put_policy = put_policy
    Role.update_from_cloudformation_json = _update_role
    ManagedPolicy.update_from_cloudformation_json = _update_policy
    ManagedPolicy.delete_from_cloudformation_json = _delete_policy


def _update_role(original_resource: Role, cloudformation_json: dict[str, Any], **_: Any) -> Role:
    properties = cloudformation_json["Properties"]
    original_resource.assume_role_policy_document = json.dumps(properties["AssumeRolePolicyDocument"])
    original_resource.policies = {
        policy["PolicyName"]: json.dumps(policy["PolicyDocument"])
        for policy in properties.get("Policies", ())
    }
    return original_resource


def _update_policy(
    original_resource: ManagedPolicy, cloudformation_json: dict[str, Any], account_id: str, **_: Any
) -> ManagedPolicy:
    backend, arn = iam_backends[account_id]["aws"], original_resource.arn
    document = json.dumps(cloudformation_json["Properties"]["PolicyDocument"])
    # IAM keeps five versions; CloudFormation removes the oldest.
    superseded = [version for version in original_resource.versions if not version.is_default]
    for version in superseded:
        backend.delete_policy_version(arn, version.version_id)
    backend.create_policy_version(arn, document, set_as_default=True)
    return original_resource


def _delete_policy(resource_name: str, _resource: dict[str, Any], account_id: str, region: str) -> None:
    backend = iam_backends[account_id][get_partition(region)]
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html: only what nobody has.
    if backend.get_policy(resource_name).attachment_count:
        raise DeleteConflictException("Cannot delete a policy attached to entities.")
    backend.delete_policy(resource_name)
