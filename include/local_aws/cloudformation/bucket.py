"""CloudFormation's lifecycle rules of a bucket, which moto leaves out."""

from __future__ import annotations

from typing import Any

from moto.s3.models import FakeBucket

# CloudFormation's name for each simple property of a rule, by S3's.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-rule.html
EXPIRATION = {"Days": "ExpirationInDays", "Date": "ExpirationDate"}
TRANSITION = {"Days": "TransitionInDays", "Date": "TransitionDate", "StorageClass": "StorageClass"}


def install() -> None:
    """Give a bucket its rules when a stack makes or updates it."""
    create, update = FakeBucket.create_from_cloudformation_json, FakeBucket.update_from_cloudformation_json

    def created(_cls: type[FakeBucket], name: str, resource: dict[str, Any], *given: Any, **more: Any) -> Any:
        return _with_rules(create(name, resource, *given, **more), resource)

    def updated(_cls: type[FakeBucket], /, **given: Any) -> Any:
        return _with_rules(update(**given), given["cloudformation_json"])

    FakeBucket.create_from_cloudformation_json = classmethod(created)
    FakeBucket.update_from_cloudformation_json = classmethod(updated)


def _with_rules(bucket: FakeBucket, resource: dict[str, Any]) -> FakeBucket:
    rules = resource.get("Properties", {}).get("LifecycleConfiguration", {}).get("Rules", [])
    bucket.set_lifecycle([_rule(rule) for rule in rules])
    return bucket


def _rule(given: dict[str, Any]) -> dict[str, Any]:
    """Write a rule as PutBucketLifecycleConfiguration has it."""
    rule: dict[str, Any] = {"ID": given.get("Id"), "Status": given["Status"]}
    rule["Filter"] = {"Prefix": given.get("Prefix", "")}
    if transitions := given.get("Transitions"):
        rule["Transition"] = [_renamed(transition, TRANSITION) for transition in transitions]
    if expiration := _renamed(given, EXPIRATION):
        rule["Expiration"] = expiration
    if uploads := given.get("AbortIncompleteMultipartUpload"):
        rule["AbortIncompleteMultipartUpload"] = uploads
    return rule


def _renamed(given: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {ours: given[theirs] for ours, theirs in names.items() if theirs in given}
