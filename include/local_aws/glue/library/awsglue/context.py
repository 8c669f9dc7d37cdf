"""``awsglue.context``: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-glue-context.html."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from pyspark.sql import SparkSession, SQLContext

from awsglue import catalog, formats
from awsglue.dynamicframe import DynamicFrame, DynamicFrameCollection
from awsglue.refused import only, refuse

Options = Mapping[str, Any]
# AWS's methods that are not here.
_REFUSED = (
    *(
        "getSource",
        "getStreamingSource",
        "getSink",
        "get_catalog_schema_as_spark_schema",
        "getSampleStreaming",
    ),
    *("create_sample_dynamic_frame_from_catalog", "create_sample_dynamic_frame_from_options", "forEachBatch"),
    *("write_data_frame_from_catalog", "write_dynamic_frame_from_catalog"),
    *("write_dynamic_frame_from_jdbc_conf", "write_from_jdbc_conf", "extract_jdbc_conf", "purge_table"),
    *("purge_s3_path", "transition_table", "transition_s3_path", "add_ingestion_time_columns"),
    *("start_transaction", "commit_transaction", "cancel_transaction"),
)


class GlueContext(SQLContext):  # type: ignore[misc]
    """Spark's SQLContext with DynamicFrames to and from S3."""

    def __init__(self, sparkContext: Any = None, **_: Any) -> None:  # noqa: N803 - AWS's name
        session = (
            sparkContext if isinstance(sparkContext, SparkSession) else SparkSession.builder.getOrCreate()
        )
        super().__init__(session.sparkContext, session)
        self.spark_session = session
        self.create_dynamic_frame = _Reader(self, as_dynamic=True)
        self.create_data_frame = _Reader(self, as_dynamic=False)
        self.write_dynamic_frame = _Writer(self)
        self.write_data_frame = _Writer(self)

    def __getattr__(self, name: str) -> Any:
        if name in _REFUSED:
            refuse(f"GlueContext.{name}")
        raise AttributeError(name)

    def get_logger(self) -> GlueLogger:
        """Writes into the run's error log."""
        return GlueLogger()

    def create_dynamic_frame_from_options(self, *arguments: Any, **named: Any) -> DynamicFrame:
        """The same as ``create_dynamic_frame.from_options``."""
        frame: DynamicFrame = self.create_dynamic_frame.from_options(*arguments, **named)
        return frame

    def create_dynamic_frame_from_catalog(self, *arguments: Any, **named: Any) -> DynamicFrame:
        """The same as ``create_dynamic_frame.from_catalog``."""
        frame: DynamicFrame = self.create_dynamic_frame.from_catalog(*arguments, **named)
        return frame

    def create_data_frame_from_catalog(self, *arguments: Any, **named: Any) -> Any:
        """The same as ``create_data_frame.from_catalog``."""
        return self.create_data_frame.from_catalog(*arguments, **named)

    def create_data_frame_from_options(self, *arguments: Any, **named: Any) -> Any:
        """The same as ``create_data_frame.from_options``."""
        return self.create_data_frame.from_options(*arguments, **named)

    def create_dynamic_frame_from_rdd(
        self, data: Any, name: str, schema: Any = None, **_: Any
    ) -> DynamicFrame:
        """A DynamicFrame of an RDD's rows."""
        return DynamicFrame(self.spark_session.createDataFrame(data, schema), self, name)

    def write_dynamic_frame_from_options(self, *arguments: Any, **named: Any) -> Any:
        """The same as ``write_dynamic_frame.from_options``."""
        return self.write_dynamic_frame.from_options(*arguments, **named)

    def write_from_options(self, frame_or_dfc: Any, *arguments: Any, **named: Any) -> Any:
        """The same, also of a collection."""
        if isinstance(frame_or_dfc, DynamicFrameCollection):
            refuse("GlueContext.write_from_options of a DynamicFrameCollection")
        return self.write_dynamic_frame.from_options(frame_or_dfc, *arguments, **named)


class GlueLogger:
    """Lines with their time and level."""

    def info(self, message: str) -> None:
        self._write("INFO", message)

    def warn(self, message: str) -> None:
        self._write("WARN", message)

    def error(self, message: str) -> None:
        self._write("ERROR", message)

    def _write(self, level: str, message: str) -> None:
        print(time.strftime("%Y-%m-%d %H:%M:%S"), level, "GlueLogger:", message, file=sys.stderr, flush=True)


class _Reader:
    def __init__(self, context: GlueContext, *, as_dynamic: bool) -> None:
        self._context, self._as_dynamic = context, as_dynamic

    def from_options(
        self,
        connection_type: str,
        connection_options: Options = {},  # noqa: B006 - AWS's signature
        format: str | None = None,
        format_options: Options = {},  # noqa: B006
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **others: Any,
    ) -> Any:
        """Read from S3."""
        only(others, (), "from_options")
        if push_down_predicate:
            refuse("push_down_predicate in from_options")
        session = self._context.spark_session
        frame = formats.read(session, connection_type, connection_options, format, format_options)
        return DynamicFrame(frame, self._context, transformation_ctx) if self._as_dynamic else frame

    def from_rdd(self, data: Any, name: str, schema: Any = None, **_: Any) -> DynamicFrame:
        """A DynamicFrame of an RDD's rows."""
        return self._context.create_dynamic_frame_from_rdd(data, name, schema)

    def from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",  # noqa: ARG002 - AWS's signature
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Options = {},  # noqa: B006
        **others: Any,
    ) -> Any:
        """Read a table of the Data Catalog."""
        only(additional_options, (), "additional_options")
        only(others, ("name_space", "catalog_id"), "from_catalog")
        name_space = database or others.get("name_space")
        if not name_space or not table_name:
            raise ValueError("from_catalog takes database and table_name")
        frame = catalog.read(self._context.spark_session, name_space, table_name, push_down_predicate)
        name = transformation_ctx or table_name
        return DynamicFrame(frame, self._context, name) if self._as_dynamic else frame


class _Writer:
    def __init__(self, context: GlueContext) -> None:
        self._context = context

    def from_options(
        self,
        frame: Any,
        connection_type: str,
        connection_options: Options = {},  # noqa: B006 - AWS's signature
        format: str | None = None,
        format_options: Options = {},  # noqa: B006
        transformation_ctx: str = "",  # noqa: ARG002
    ) -> Any:
        """Write to S3."""
        data = frame.toDF() if isinstance(frame, DynamicFrame) else frame
        formats.write(data, connection_type, connection_options, format, format_options)
        return frame

    def from_catalog(self, *_: Any, **__: Any) -> Any:
        refuse("write_dynamic_frame.from_catalog")

    def from_jdbc_conf(self, *_: Any, **__: Any) -> Any:
        refuse("write_dynamic_frame.from_jdbc_conf")
