"""``awsglue.dynamicframe``: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html.

A DynamicFrame here is a DataFrame: it has one type a column, where AWS's may have a choice of several, and an
error in a function that maps rows fails the job, where AWS sets the row aside.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pyspark.sql import functions
from pyspark.sql.types import ArrayType, MapType, NullType, StructType

from awsglue.refused import refuse

# Names of types that Spark's SQL has otherwise.
_TYPES = {"long": "bigint", "short": "smallint", "byte": "tinyint", "integer": "int"}
_COMPARISONS = {
    ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
    "=": operator.eq, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_REFUSED = (
    *("unbox", "spigot", "mergeDynamicFrame", "unnest_ddb_json", "simplify_ddb_json", "mapPartitions"),
    *("mapPartitionsWithIndex", "with_frame_schema", "write"),
)


class DynamicFrame:
    """
    Rows with a schema.

    :param frame: the DataFrame.
    :param glue_ctx: its GlueContext.
    """

    def __init__(self, frame: Any, glue_ctx: Any, name: str = "") -> None:
        self._frame, self.glue_ctx, self.name = frame, glue_ctx, name

    def __getattr__(self, name: str) -> Any:
        if name in _REFUSED:
            refuse(f"DynamicFrame.{name}")
        raise AttributeError(name)

    @classmethod
    def fromDF(cls, dataframe: Any, glue_ctx: Any, name: str = "") -> DynamicFrame:  # noqa: N802
        return cls(dataframe, glue_ctx, name)

    def toDF(self, options: Sequence[Any] | None = None) -> Any:  # noqa: N802
        if options:
            refuse("options of DynamicFrame.toDF")
        return self._frame

    def schema(self) -> Any:
        return self._frame.schema

    def printSchema(self) -> None:  # noqa: N802
        self._frame.printSchema()

    def show(self, num_rows: int = 20) -> None:
        for line in self._frame.limit(num_rows).toJSON().collect():
            print(line)

    def count(self) -> int:
        return int(self._frame.count())

    def getNumPartitions(self) -> int:  # noqa: N802
        return int(self._frame.rdd.getNumPartitions())

    def errorsCount(self) -> int:  # noqa: N802
        """None: what goes wrong fails the job."""
        return 0

    stageErrorsCount = errorsCount  # noqa: N815

    def repartition(self, num_partitions: int, *_: Any, **__: Any) -> DynamicFrame:
        return self._with(self._frame.repartition(num_partitions))

    def coalesce(self, num_partitions: int, shuffle: bool = False, *_: Any, **__: Any) -> DynamicFrame:
        return self._with(self._frame.repartition(num_partitions)) if shuffle else self._with(
            self._frame.coalesce(num_partitions)
        )  # fmt: skip

    def union(self, other_frame: DynamicFrame, *_: Any, **__: Any) -> DynamicFrame:
        return self._with(self._frame.unionByName(other_frame.toDF(), allowMissingColumns=True))

    def filter(self, f: Callable[[Any], bool], *_: Any, **__: Any) -> DynamicFrame:
        kept = self._frame.rdd.filter(lambda row: bool(f(row.asDict(recursive=True))))
        return self._with(self.glue_ctx.spark_session.createDataFrame(kept, self._frame.schema))

    def map(self, f: Callable[[Any], Any], *_: Any, **__: Any) -> DynamicFrame:
        mapped = self._frame.rdd.map(lambda row: f(row.asDict(recursive=True))).filter(bool).cache()
        session = self.glue_ctx.spark_session
        if mapped.isEmpty():
            return self._with(session.createDataFrame([], self._frame.schema))
        frame = session.createDataFrame(mapped, samplingRatio=1.0)
        # Spark sorts the keys of dictionaries.
        known = [name for name in self._frame.columns if name in frame.columns]
        return self._with(
            frame.select(*map(_quoted, [*known, *(n for n in frame.columns if n not in known)]))
        )

    def drop_fields(self, paths: str | Iterable[str], *_: Any, **__: Any) -> DynamicFrame:
        frame = self._frame
        for path in _listed(paths):
            root, _dot, below = path.partition(".")
            if path in frame.columns or not below:
                frame = frame.drop(path)
            elif root in frame.columns:
                frame = frame.withColumn(root, functions.col(root).dropFields(below))
        return self._with(frame)

    def select_fields(self, paths: str | Iterable[str], *_: Any, **__: Any) -> DynamicFrame:
        names = [self._top(path, "select_fields") for path in _listed(paths)]
        return self._with(
            self._frame.select(*(_quoted(name) for name in names if name in self._frame.columns))
        )

    def rename_field(self, oldName: str, newName: str, *_: Any, **__: Any) -> DynamicFrame:  # noqa: N803
        old, new = self._top(oldName, "rename_field"), self._top(newName, "rename_field")
        return self._with(self._frame.withColumnRenamed(old, new))

    def split_fields(
        self, paths: str | Iterable[str], name1: str, name2: str, *_: Any, **__: Any
    ) -> DynamicFrameCollection:
        names = _listed(paths)
        parts = {name1: self.select_fields(names), name2: self.drop_fields(names)}
        return DynamicFrameCollection(parts, self.glue_ctx)

    def split_rows(
        self, comparison_dict: Mapping[str, Mapping[str, Any]], name1: str, name2: str, *_: Any, **__: Any
    ) -> DynamicFrameCollection:
        holds = functions.lit(True)
        for path, comparisons in comparison_dict.items():
            for sign, value in comparisons.items():
                holds = holds & _COMPARISONS[sign](functions.col(path), value)
        holds = functions.coalesce(holds, functions.lit(False))
        parts = {name1: self._with(self._frame.where(holds)), name2: self._with(self._frame.where(~holds))}
        return DynamicFrameCollection(parts, self.glue_ctx)

    def join(
        self,
        paths1: str | Sequence[str],
        paths2: str | Sequence[str],
        frame2: DynamicFrame,
        *_: Any,
        **__: Any,
    ) -> DynamicFrame:
        other = frame2.toDF()
        if both := sorted(set(self._frame.columns) & set(other.columns)):
            refuse(f"DynamicFrame.join of frames that both have {both[0]!r}; rename it in one of them")
        pairs = zip(_listed(paths1), _listed(paths2), strict=True)
        condition = [self._frame[mine] == other[theirs] for mine, theirs in pairs]
        return self._with(self._frame.join(other, condition))

    def unnest(self, *_: Any, **__: Any) -> DynamicFrame:
        return self._with(self._frame.select(*_leaves(self._frame.schema, ())))

    def relationalize(
        self, root_table_name: str, staging_path: str, *_: Any, **__: Any  # noqa: ARG002
    ) -> DynamicFrameCollection:  # fmt: skip
        return DynamicFrameCollection({root_table_name: self.unnest()}, self.glue_ctx)

    def apply_mapping(self, mappings: Any, *_: Any, **__: Any) -> DynamicFrame:
        columns, known = [], {path for path, _ in _paths(self._frame.schema, ())}
        for mapping in [mappings] if isinstance(mappings, tuple) else mappings:
            if len(mapping) != 4:
                refuse(f"mappings of other than four parts, such as {mapping!r}")
            source, target, kind = mapping[0].strip("`"), mapping[2], mapping[3]
            # As on AWS, what is not there is not mapped.
            if source in known:
                column = functions.col(_quoted(source) if source in self._frame.columns else source)
                cast = column.cast(_TYPES.get(kind, kind))
                columns.append(cast.alias(self._top(target, "apply_mapping")))
        return self._with(self._frame.select(*columns))

    applyMapping = apply_mapping  # noqa: N815

    def resolveChoice(  # noqa: N802
        self, specs: Any = None, choice: str = "", *_: Any, **__: Any
    ) -> DynamicFrame:
        if bool(specs) is bool(choice):
            raise ValueError("resolveChoice takes either specs or choice")
        frame = self._frame
        given = [specs] if isinstance(specs, tuple) else specs or [(name, choice) for name in frame.columns]
        for path, action in given:
            kind, _colon, target = action.partition(":")
            if kind not in ("cast", "project"):
                refuse(f"DynamicFrame.resolveChoice with {action!r}; there are cast and project")
            name = self._top(path, "resolveChoice")
            frame = frame.withColumn(name, functions.col(_quoted(name)).cast(_TYPES.get(target, target)))
        return self._with(frame)

    def drop_nulls(self) -> DynamicFrame:
        """What DropNullFields does: leave out columns that have no value, and so no type."""
        empty = [field.name for field in self._frame.schema if isinstance(field.dataType, NullType)]
        return self._with(self._frame.drop(*empty))

    def _with(self, frame: Any) -> DynamicFrame:
        return DynamicFrame(frame, self.glue_ctx, self.name)

    def _top(self, path: str, of: str) -> str:
        """A path's only name; what is quoted may have dots."""
        if path.startswith("`") or path in self._frame.columns:
            return path.strip("`")
        if "." in path:
            refuse(f"nested fields, such as {path!r}, in DynamicFrame.{of}")
        return path


class DynamicFrameCollection:
    """DynamicFrames by name."""

    def __init__(self, dynamic_frames: Any, glue_ctx: Any) -> None:
        frames = dynamic_frames
        self._frames = frames if isinstance(frames, dict) else {frame.name: frame for frame in frames}
        self._glue_ctx = glue_ctx

    def __getitem__(self, key: str) -> DynamicFrame:
        frame: DynamicFrame = self._frames[key]
        return frame

    def __len__(self) -> int:
        return len(self._frames)

    def keys(self) -> Any:
        return self._frames.keys()

    def values(self) -> Any:
        return self._frames.values()

    def select(self, key: str, transformation_ctx: str = "") -> DynamicFrame:  # noqa: ARG002
        return self[key]

    def map(self, callable: Any, transformation_ctx: str = "") -> DynamicFrameCollection:
        mapped = {
            name: callable(frame, f"{transformation_ctx}:{name}") for name, frame in self._frames.items()
        }
        return DynamicFrameCollection(mapped, self._glue_ctx)


def _listed(paths: str | Iterable[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else list(paths)


def _quoted(name: str) -> str:
    return f"`{name}`"


def _paths(schema: Any, above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for field in schema:
        path = (*above, field.name)
        yield ".".join(path), field.dataType
        if isinstance(field.dataType, StructType):
            yield from _paths(field.dataType, path)


def _leaves(schema: Any, above: tuple[str, ...]) -> Iterator[Any]:
    for field in schema:
        path = (*above, field.name)
        if isinstance(field.dataType, StructType):
            yield from _leaves(field.dataType, path)
        elif isinstance(field.dataType, (ArrayType, MapType)):
            refuse(f"unnest and relationalize of arrays and maps, such as {'.'.join(path)!r}")
        else:
            yield functions.col(".".join(map(_quoted, path))).alias(".".join(path))
