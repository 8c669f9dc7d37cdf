"""Names that a change set wants and that exist already: taken over where AWS does so, refused elsewhere.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from moto.cloudformation import parsing
from moto.dynamodb.models import Table, dynamodb_backends
from moto.logs.models import logs_backends
from moto.s3.models import FakeBucket, s3_backends
from moto.utilities.utils import get_partition

# The words of AWS, as its users quote them.
REFUSED = (
    "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. To troubleshoot"
    " Early Validation errors, use the DescribeEvents API for detailed failure information."
)
_RETAINED = ("Retain", "RetainExceptOnCreate")


def _bucket(name: str, account: str, region: str) -> FakeBucket | None:
    return s3_backends[account][get_partition(region)].buckets.get(name)


def _table(name: str, account: str, region: str) -> Table | None:
    return dynamodb_backends[account][region].tables.get(name)


def _log_group(name: str, account: str, region: str) -> Any:
    return logs_backends[account][region].groups.get(name)


# By type: the property that names it, and what finds it.
_NAMED: dict[str, tuple[str, Callable[[str, str, str], Any]]] = {
    "AWS::S3::Bucket": ("BucketName", _bucket),
    "AWS::DynamoDB::Table": ("TableName", _table),
    "AWS::Logs::LogGroup": ("LogGroupName", _log_group),
}

# Names of what becomes the stack's instead of being made.
_adopted: ContextVar[frozenset[str]] = ContextVar("adopted", default=frozenset())


@dataclass(frozen=True)
class Existing:
    """
    A resource that a change set would add, and whose name is taken.

    :param logical_id: its name in the template, ``name`` the one in the account.
    :param adoptable: whether AWS would take it over: its name is written out, it is kept when the stack goes,
        and no stack has it.
    """

    logical_id: str
    type: str
    name: str
    adoptable: bool

    @property
    def reason(self) -> str:
        """What DescribeEvents says of it."""
        return f"Resource of type '{self.type}' with identifier '{self.name}' already exists."


def find(
    added: Iterable[str], wanted: Mapping[str, Any], resources: parsing.ResourceMap, owned: set[str]
) -> list[Existing]:
    """
    Find what exists of what a change set adds.

    :param added: logical names, of the resources ``wanted``.
    :param resources: the stack as it is to be, for the values of its parameters.
    :param owned: names in the account of what stacks have.
    """
    found = []
    for logical_id in added:
        resource = wanted[logical_id]
        if resource["Type"] not in _NAMED:
            continue
        key, finder = _NAMED[resource["Type"]]
        written = resource.get("Properties", {}).get(key)
        name = parsing.clean_json(written, resources)
        if name and finder(name, resources._account_id, resources._region_name):
            kept = resource.get("DeletionPolicy", "Delete") in _RETAINED
            adoptable = isinstance(written, str) and kept and name not in owned
            found.append(Existing(logical_id, resource["Type"], name, adoptable))
    return found


def install() -> None:
    """Let resources become a stack's that are there already."""
    for model, finder in ((FakeBucket, _bucket), (Table, _table)):
        _adopt(model, finder)


@contextmanager
def adoption(names: frozenset[str]) -> Iterator[None]:
    """Take over what has these names."""
    token = _adopted.set(names)
    try:
        yield
    finally:
        _adopted.reset(token)


def _adopt(model: Any, finder: Callable[[str, str, str], Any]) -> None:
    create = model.create_from_cloudformation_json

    def create_or_adopt(
        resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **others: Any
    ) -> Any:
        if resource_name in _adopted.get():
            return finder(resource_name, account_id, region_name)
        return create(resource_name, cloudformation_json, account_id, region_name, **others)

    model.create_from_cloudformation_json = create_or_adopt
