"""Tables of the Data Catalog as DataFrames: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-partitions.html."""

from __future__ import annotations

from typing import Any

import boto3

from awsglue.refused import refuse

_LIBRARIES = {
    "ParquetHiveSerDe": "parquet",
    "JsonSerDe": "json",
    "LazySimpleSerDe": "csv",
    "OpenCSVSerde": "csv",
}


def read(session: Any, database: str, table: str, predicate: str) -> Any:
    """
    The rows of a table.

    :param predicate: which partitions, as Spark's SQL has it; empty for all.
    """
    glue = boto3.client("glue")
    found = glue.get_table(DatabaseName=database, Name=table)["Table"]
    stored, keys = found["StorageDescriptor"], found.get("PartitionKeys", [])
    parameters = {**found.get("Parameters", {}), **stored["SerdeInfo"].get("Parameters", {})}
    library = stored["SerdeInfo"].get("SerializationLibrary", "").rpartition(".")[2]
    kind = parameters.get("classification") or _LIBRARIES.get(library)
    if kind not in ("csv", "json", "parquet"):
        refuse(f"tables classified as {kind!r}")
    schema = ", ".join(f"`{column['Name']}` {column['Type']}" for column in [*stored["Columns"], *keys])
    paths = [stored["Location"]]
    if keys:
        pages = glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table)
        paths = [item["StorageDescriptor"]["Location"] for page in pages for item in page["Partitions"]]
    if not paths:
        return session.createDataFrame([], schema)
    reader = session.read.schema(schema).option("basePath", stored["Location"])
    if kind == "csv":
        reader = reader.options(
            header=parameters.get("skip.header.line.count") == "1",
            sep=parameters.get("field.delim") or parameters.get("separatorChar") or ",",
            escape='"',
        )
    frame = reader.format(kind).load(paths)
    return frame.where(predicate) if predicate else frame
