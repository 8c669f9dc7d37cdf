"""What moto wants of a type of CloudFormation's resources, for those that it lacks."""

from __future__ import annotations

from typing import Any, ClassVar, Self


class ResourceType:
    """
    Base of the types; moto finds those that have its own CloudFormationModel for another.

    :param name: of one such resource.
    """

    TYPE: ClassVar[str]
    # The property that names it, where it has one.
    NAME: ClassVar[str] = ""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def physical_resource_id(self) -> str:
        return self._name

    @classmethod
    def put(cls, name: str, properties: dict[str, Any], account_id: str, region_name: str) -> None:
        """Make it, or make it anew under its name."""
        raise NotImplementedError

    @classmethod
    def delete(cls, name: str, account_id: str, region_name: str) -> None:
        """Delete it."""

    @classmethod
    def cloudformation_name_type(cls) -> str:
        return cls.NAME

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.TYPE

    @classmethod
    def has_cfn_attr(cls, _attr: str) -> bool:
        return False

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> Self:
        cls.put(resource_name, cloudformation_json["Properties"], account_id, region_name)
        return cls(resource_name)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: ResourceType,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> Self:
        before = original_resource.physical_resource_id
        # A name that nobody has given stays, where moto would make up another.
        name = cloudformation_json["Properties"].get(cls.NAME, before)
        cls.put(name, cloudformation_json["Properties"], account_id, region_name)
        if name != before:
            cls.delete(before, account_id, region_name)
        return cls(name)

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, _cloudformation_json: dict[str, Any], account_id: str, region_name: str
    ) -> None:
        cls.delete(resource_name, account_id, region_name)
