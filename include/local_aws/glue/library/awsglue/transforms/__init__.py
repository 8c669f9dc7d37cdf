"""``awsglue.transforms``: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-transforms.html."""

from __future__ import annotations

from typing import Any

from awsglue.refused import refuse


class GlueTransform:
    """A transform as a class that is called, or whose ``apply`` is."""

    @classmethod
    def apply(cls, *arguments: Any, **named: Any) -> Any:
        return cls()(*arguments, **named)

    def __call__(self, *_: Any, **__: Any) -> Any:
        refuse(f"the transform {type(self).__name__}")


class ApplyMapping(GlueTransform):
    def __call__(self, frame: Any, mappings: Any, **_: Any) -> Any:
        return frame.apply_mapping(mappings)


class Coalesce(GlueTransform):
    def __call__(self, frame: Any, num_partitions: int, shuffle: bool = False, **_: Any) -> Any:
        return frame.coalesce(num_partitions, shuffle)


class DropFields(GlueTransform):
    def __call__(self, frame: Any, paths: Any, **_: Any) -> Any:
        return frame.drop_fields(paths)


class DropNullFields(GlueTransform):
    def __call__(self, frame: Any, **_: Any) -> Any:
        return frame.drop_nulls()


class ErrorsAsDynamicFrame(GlueTransform):
    pass


class Filter(GlueTransform):
    def __call__(self, frame: Any, f: Any, **_: Any) -> Any:
        return frame.filter(f)


class FlatMap(GlueTransform):
    pass


class Join(GlueTransform):
    def __call__(self, frame1: Any, frame2: Any, keys1: Any, keys2: Any, **_: Any) -> Any:
        return frame1.join(keys1, keys2, frame2)


class Map(GlueTransform):
    def __call__(self, frame: Any, f: Any, **_: Any) -> Any:
        return frame.map(f)


class MapToCollection(GlueTransform):
    def __call__(self, dfc: Any, callable: Any, **_: Any) -> Any:
        return dfc.map(callable)


class Relationalize(GlueTransform):
    def __call__(self, frame: Any, staging_path: str = "", name: str = "roottable", **_: Any) -> Any:
        return frame.relationalize(name, staging_path)


class RenameField(GlueTransform):
    def __call__(self, frame: Any, old_name: str, new_name: str, **_: Any) -> Any:
        return frame.rename_field(old_name, new_name)


class Repartition(GlueTransform):
    def __call__(self, frame: Any, num_partitions: int, **_: Any) -> Any:
        return frame.repartition(num_partitions)


class ResolveChoice(GlueTransform):
    def __call__(self, frame: Any, specs: Any = None, choice: str = "", **_: Any) -> Any:
        return frame.resolveChoice(specs, choice)


class SelectFields(GlueTransform):
    def __call__(self, frame: Any, paths: Any, **_: Any) -> Any:
        return frame.select_fields(paths)


class SelectFromCollection(GlueTransform):
    def __call__(self, dfc: Any, key: str, **_: Any) -> Any:
        return dfc.select(key)


class Spigot(GlueTransform):
    pass


class SplitFields(GlueTransform):
    def __call__(self, frame: Any, paths: Any, name1: str = "", name2: str = "", **_: Any) -> Any:
        return frame.split_fields(paths, name1 or f"{frame.name}1", name2 or f"{frame.name}2")


class SplitRows(GlueTransform):
    def __call__(self, frame: Any, comparison_dict: Any, name1: str = "", name2: str = "", **_: Any) -> Any:
        return frame.split_rows(comparison_dict, name1 or f"{frame.name}1", name2 or f"{frame.name}2")


class Unbox(GlueTransform):
    pass


class Union(GlueTransform):
    def __call__(self, frame1: Any, frame2: Any, **_: Any) -> Any:
        return frame1.union(frame2)


class UnnestFrame(GlueTransform):
    def __call__(self, frame: Any, **_: Any) -> Any:
        return frame.unnest()


__all__ = [name for name, value in vars().items() if isinstance(value, type) and name != "GlueTransform"]
