"""Files in S3, read and written with Spark's own formats and Glue's options.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from awsglue.refused import only, refuse

Options = Mapping[str, Any]

# They say how fast something is read, not what.
_OF_SPEED = ("groupFiles", "groupSize", "useS3ListImplementation", "maxBand", "maxFilesInBand", "inPartition")
_READS = {
    "csv": (
        "separator",
        "quoteChar",
        "escaper",
        "multiLine",
        "multiline",
        "withHeader",
        "optimizePerformance",
    ),
    "json": ("multiLine", "multiline", "optimizePerformance"),
    "parquet": ("optimizePerformance",),
    "orc": (),
}
_WRITES = {
    "csv": ("separator", "quoteChar", "escaper", "writeHeader"),
    "json": (),
    "parquet": ("useGlueParquetWriter", "compression"),
    "orc": (),
}


def read(session: Any, kind: str, connection: Options, format_: str | None, options: Options) -> Any:
    """
    The DataFrame of what is in S3.

    :param kind: the connection's type.
    :param connection: its options.
    """
    if kind != "s3":
        refuse(f"connections of type {kind!r}; there is 's3'")
    only(connection, ("paths", "recurse", "compressionType", *_OF_SPEED), "connection_options")
    name = _known(format_, _READS, options)
    reader = session.read
    if connection.get("recurse"):
        reader = reader.option("recursiveFileLookup", "true")
    if _is(options, "multiLine") or _is(options, "multiline"):
        reader = reader.option("multiLine", "true")
    if name != "csv":
        return reader.format(name).load(list(connection["paths"]))
    settings = {**_csv(options), "header": _is(options, "withHeader")}
    frame = reader.options(**settings).csv(list(connection["paths"]))
    # Glue's columns are strings, and named col0, col1, … where the file does not name them.
    return frame if settings["header"] else frame.toDF(*(f"col{i}" for i in range(len(frame.columns))))


def write(frame: Any, kind: str, connection: Options, format_: str | None, options: Options) -> None:
    """Add a DataFrame to what is in S3, as Glue does: what is there stays."""
    if kind != "s3":
        refuse(f"connections of type {kind!r}; there is 's3'")
    only(connection, ("path", "partitionKeys", "compression"), "connection_options")
    name = _known("parquet" if format_ == "glueparquet" else format_, _WRITES, options)
    # Glue leaves no _SUCCESS.
    writer = frame.write.mode("append").option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
    if compression := connection.get("compression") or options.get("compression"):
        writer = writer.option("compression", compression)
    if keys := connection.get("partitionKeys"):
        writer = writer.partitionBy(*keys)
    if name == "csv":
        writer = writer.options(**_csv(options), header=_is({"writeHeader": True, **options}, "writeHeader"))
    writer.format(name).save(connection["path"])


def _known(format_: str | None, formats: Mapping[str, tuple[str, ...]], options: Options) -> str:
    name = format_ or ""
    if name not in formats:
        refuse(f"the format {format_!r}; there are {', '.join(formats)}")
    only(options, formats[name], f"format_options of {name}")
    return name


def _csv(options: Options) -> dict[str, Any]:
    quote = options.get("quoteChar", '"')
    return {
        "sep": options.get("separator", ","),
        # -1 says that nothing is quoted.
        "quote": "" if quote in (-1, "-1") else quote,
        "escape": options.get("escaper") or '"',
    }


def _is(options: Options, name: str) -> bool:
    return str(options.get(name, False)).lower() == "true"
