"""What Glue says of an ETL job that fails, and what Spark may do with the role that the template gives it."""

from __future__ import annotations

from include.glue.transform import FAILURE
from scripts.verify.evidence import Evidence
from scripts.verify.probes import until

ENDED = ("SUCCEEDED", "FAILED", "ERROR", "TIMEOUT", "STOPPED")
ETL_SECONDS = 900
# Two days of the sample, and two without flights.
WINDOW = ("2013-05-05T00:00:00Z", "2013-05-06T00:00:00Z", "2013-05-07T00:00:00Z")
EMPTY = ("2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z", "2001-01-03T00:00:00Z")


def probe_failed_etl(evidence: Evidence) -> None:
    """Let the ETL job fail, as there are no flights in its window, and read what it says of that itself."""
    _run(evidence, "failed ETL", EMPTY)
    left = evidence.client("s3").get_object(
        Bucket=evidence.outputs["Bucket"], Key=f"{_key(evidence, EMPTY)}/{FAILURE}"
    )
    evidence.facts["reason of failed ETL"] = left["Body"].read().decode(errors="replace")


def probe_spark(evidence: Evidence) -> None:
    """Let Spark do the ETL, in the stack that was deployed with it."""
    _run(evidence, "Spark", WINDOW)


def _key(evidence: Evidence, window: tuple[str, str, str]) -> str:
    return f"runs/{evidence.names.stack}-{window[0][:4]}"


def _run(evidence: Evidence, what: str, window: tuple[str, str, str]) -> None:
    glue, s3 = evidence.client("glue"), evidence.client("s3")
    job, bucket = evidence.outputs["GlueJobName"], evidence.outputs["Bucket"]
    transform = s3.list_objects_v2(Bucket=bucket, Prefix="workflow/")["Contents"][0]
    start, validation_start, end = window
    arguments = {
        "--source": f"s3://{bucket}/data/flights",
        "--sql": f"s3://{bucket}/{transform['Key']}",
        "--target": f"s3://{bucket}/{_key(evidence, window)}",
        "--start": start,
        "--validation_start": validation_start,
        "--end": end,
        "--as_of": end,
    }
    run = glue.start_job_run(JobName=job, Arguments=arguments)["JobRunId"]

    def ended() -> bool:
        evidence.facts[what] = glue.get_job_run(JobName=job, RunId=run)["JobRun"]
        return evidence.facts[what]["JobRunState"] in ENDED

    until(ended, seconds=ETL_SECONDS, pause=2)
