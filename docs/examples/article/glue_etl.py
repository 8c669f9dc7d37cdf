"""Glue job (Spark): flights that landed before WINDOW_END, as rows to train on and to validate with."""

import sys
from datetime import datetime, timedelta

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from pyspark.sql import functions as f

args = getResolvedOptions(
    sys.argv, ["JOB_NAME", "S3_SOURCE", "S3_DEST", "TRAIN_KEY", "VAL_KEY", "WINDOW_END", "WINDOW_DAYS"]
)

context = GlueContext(SparkContext())
spark = context.spark_session
job = Job(context)
job.init(args["JOB_NAME"], args)

# EventBridge and Airflow both say 2026-01-31T10:00:00Z; the lake has a folder a day.
end = datetime.strptime(args["WINDOW_END"], "%Y-%m-%dT%H:%M:%SZ")
start = end - timedelta(days=int(args["WINDOW_DAYS"]))
days = [start.date() + timedelta(days=number) for number in range((end.date() - start.date()).days + 1)]

flights = spark.read.load([f"{args['S3_SOURCE']}date={day}/" for day in days], format="parquet")
# Half-open, by the time of landing: until then nobody knows whether a flight was late.
landed = flights.where(
    (f.col("arrived_at") >= f.lit(start))
    & (f.col("arrived_at") < f.lit(end))
    & f.col("arr_delay").isNotNull()
)
# XGBoost wants the label first and no header.
rows = landed.select(
    (f.col("arr_delay") > 15).cast("int").alias("late"),
    "dep_delay",
    "hour",
    "minute",
    "sched_arr_time",
    "distance",
)
train, validation = rows.randomSplit([0.7, 0.3], seed=0)
for part, key in ((train, "TRAIN_KEY"), (validation, "VAL_KEY")):
    part.write.save(args["S3_DEST"] + args[key], format="csv", mode="overwrite")

job.commit()
