"""
One crawl: what tables the files of a folder in S3 are, for the Data Catalog.

https://docs.aws.amazon.com/glue/latest/dg/crawler-running.html: one folder is one table, whose subfolders are
partitions and named ``name=value``. What AWS would make of others is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import duckdb

from include.local_aws.s3.uris import download, split_uri

# How many files are looked at for a table's columns.
SAMPLE = 10
_PARTITION = re.compile(r"([^=/]+)=([^/]+)")
# Hive's names of types: https://docs.aws.amazon.com/athena/latest/ug/data-types.html
_TYPES = {
    "BIGINT": "bigint", "INTEGER": "int", "SMALLINT": "smallint", "TINYINT": "tinyint", "DOUBLE": "double",
    "FLOAT": "float", "BOOLEAN": "boolean", "VARCHAR": "string", "DATE": "date", "BLOB": "binary",
    "TIMESTAMP": "timestamp", "TIMESTAMP_NS": "timestamp", "TIMESTAMP WITH TIME ZONE": "timestamp",
}  # fmt: skip
# The classifier of CSV knows no dates: https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html
_CSV_TYPES = {"BIGINT": "bigint", "DOUBLE": "double", "BOOLEAN": "boolean"}
_HIVE, _HADOOP = "org.apache.hadoop.hive.ql.io", "org.apache.hadoop.mapred"
_TEXT = (f"{_HADOOP}.TextInputFormat", f"{_HIVE}.HiveIgnoreKeyTextOutputFormat")
# By classification: formats of input and output, and what reads rows.
_FORMATS = {
    "csv": (*_TEXT, "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"),
    "json": (*_TEXT, "org.openx.data.jsonserde.JsonSerDe"),
    "parquet": (
        f"{_HIVE}.parquet.MapredParquetInputFormat",
        f"{_HIVE}.parquet.MapredParquetOutputFormat",
        f"{_HIVE}.parquet.serde.ParquetHiveSerDe",
    ),
}


class CrawlError(Exception):
    """A folder is none that is crawled here."""


@dataclass(frozen=True)
class Table:
    """
    A table that was found.

    :param input: as CreateTable takes it.
    :param partitions: as CreatePartition takes them.
    """

    input: Mapping[str, Any]
    partitions: Sequence[Mapping[str, Any]] = field(default_factory=list)


def crawl(s3: Any, path: str, prefix: str, folder: Path) -> Table | None:
    """
    Look at what is below a path.

    :param path: of S3, with or without ``s3://``.
    :param prefix: what the table's name begins with.
    :param folder: for the files that are looked at.
    :return: nothing when there are no files.
    :raises CrawlError: when it is no table that is known here.
    """
    bucket, key = split_uri(path if path.startswith("s3://") else f"s3://{path}")
    root = f"{key.rstrip('/')}/" if key else ""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=root)
    keys = [item["Key"] for page in pages for item in page.get("Contents", []) if _is_data(item["Key"])]
    if not keys:
        return None
    kind = _one({PurePosixPath(name).suffix.lstrip(".") for name in keys}, "formats")
    if kind not in _FORMATS:
        raise CrawlError(
            f"{path}: the embedded AWS crawls {', '.join(_FORMATS)}, found {kind or 'no ending'}"
        )
    folders = sorted({str(PurePosixPath(name[len(root) :]).parent) for name in keys})
    partitions = [_partition(path, below) for below in folders]
    names = _one({tuple(name for name, _ in pairs) for pairs in partitions}, "levels of folders")
    files = []
    for number, name in enumerate(keys[:SAMPLE]):
        files.append(folder / f"{number}.{kind}")
        download(s3, f"s3://{bucket}/{name}", files[-1])
    columns, parameters, serde = _look(kind, files)
    location = f"s3://{bucket}/{root}"
    stored = _storage(kind, columns, parameters, serde)
    title = re.sub(r"\W", "_", (PurePosixPath(root).name or bucket).lower(), flags=re.ASCII)
    table = {
        "Name": f"{prefix}{title}",
        "Owner": "owner",
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": {**stored, "Location": location},
        "PartitionKeys": [{"Name": name, "Type": "string"} for name in names],
        "Parameters": parameters,
    }
    found = [
        {
            "Values": [value for _, value in pairs],
            "StorageDescriptor": {**stored, "Location": f"{location}{below}/"},
        }
        for pairs, below in zip(partitions, folders, strict=True)
        if pairs
    ]
    return Table(table, found)


def _is_data(key: str) -> bool:
    return not key.endswith("/") and not PurePosixPath(key).name.startswith(("_", "."))


def _one(found: set[Any], what: str) -> Any:
    if len(found) > 1:
        raise CrawlError(
            f"the embedded AWS crawls folders of one kind, found several {what}: {sorted(found)}"
        )
    return next(iter(found))


def _partition(path: str, below: str) -> list[tuple[str, str]]:
    parts = [] if below == "." else below.split("/")
    pairs = [_PARTITION.fullmatch(part) for part in parts]
    if None in pairs:
        raise CrawlError(f"{path}: the embedded AWS crawls folders named name=value, found {below}")
    return [(pair[1].lower(), pair[2]) for pair in pairs if pair]


def _look(kind: str, files: Iterable[Path]) -> tuple[list[dict[str, str]], dict[str, str], dict[str, str]]:
    """Columns of files, the table's parameters, and those of what reads its rows."""
    names = [str(file) for file in files]
    parameters = {"classification": kind, "typeOfData": "file", "compressionType": "none"}
    with duckdb.connect() as connection:
        if kind == "csv":
            sniffed = connection.execute("SELECT Columns, HasHeader, Delimiter FROM sniff_csv(?)", [names[0]])
            described, has_header, delimiter = sniffed.fetchone() or ([], False, ",")
            parameters |= {"delimiter": delimiter, "columnsOrdered": "true", "areColumnsQuoted": "false"}
            if has_header:
                parameters["skip.header.line.count"] = "1"
            columns = [
                {
                    "Name": column["name"].lower() if has_header else f"col{number}",
                    "Type": _CSV_TYPES.get(column["type"], "string"),
                }
                for number, column in enumerate(described)
            ]
            return columns, parameters, {"field.delim": delimiter}
        reader = "read_json_auto" if kind == "json" else "read_parquet"
        rows = connection.execute(f"DESCRIBE SELECT * FROM {reader}(?, hive_partitioning = false)", [names])  # noqa: S608
        columns = [{"Name": row[0].lower(), "Type": _hive_type(row[0], row[1])} for row in rows.fetchall()]
    return columns, parameters, {"serialization.format": "1"}


def _hive_type(name: str, kind: str) -> str:
    if kind.startswith("DECIMAL"):
        return kind.lower()
    if kind not in _TYPES:
        raise CrawlError(f"column {name}: the embedded AWS crawls columns of one value, found {kind}")
    return _TYPES[kind]


def _storage(
    kind: str, columns: list[dict[str, str]], parameters: dict[str, str], serde: dict[str, str]
) -> dict[str, Any]:
    read, written, library = _FORMATS[kind]
    return {
        "Columns": columns,
        "InputFormat": read,
        "OutputFormat": written,
        "Compressed": False,
        "NumberOfBuckets": -1,
        "SerdeInfo": {"SerializationLibrary": library, "Parameters": serde},
        "BucketColumns": [],
        "SortColumns": [],
        "Parameters": parameters,
        "StoredAsSubDirectories": False,
    }
