"""The course of a verification: what is done in an account, one thing after the other, and noted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from scripts.airflow_settings import PROJECT
from scripts.aws_stack import DeploymentError
from scripts.deploy_aws import deploy
from scripts.destroy_aws import destroy
from scripts.verify.airflow import DAYS, Airflow
from scripts.verify.evidence import Evidence
from scripts.verify.probe_account import (
    probe_bucket,
    probe_quotas,
    probe_rights,
    probe_stack,
)
from scripts.verify.probe_etl import probe_failed_etl, probe_spark
from scripts.verify.probe_executions import probe_definition, probe_executions
from scripts.verify.probe_retrain import probe_served, probe_training
from scripts.verify.processes import RunError, own_environment, run
from scripts.verify.role import make_role

# Any error rate is below the one; none is below the other.
ACCEPTED, REJECTED = 1.0, 0.0
# Proves that a bucket is the one that was there before.
MARK = "data/mark"
PARAMETERS = {"LogRetentionDays": "1"}
# What ends a verification early, and is noted.
TROUBLE = (DeploymentError, RunError, BotoCoreError, ClientError, OSError, KeyError)


def gather(evidence: Evidence, home: Path, *, before_deletion: Callable[[], None]) -> None:
    """
    Do everything, and note what AWS did.

    :param home: gets Airflow's files, and the output of all processes.
    :param before_deletion: is called before the stack is deleted for the first time.
    """
    try:
        _deploy(evidence)
        airflow = _prepare(evidence, home)
        _retrain(evidence, airflow)
        _take_over(evidence, before_deletion)
    except TROUBLE as error:
        _note(evidence, f"{type(error).__name__}: {error}")


def say(text: str) -> None:
    """Print a line with the time of day."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)


def _deploy(evidence: Evidence) -> None:
    say("deploying the stack")
    with redirect_stdout(StringIO()):
        deploy(evidence.account, evidence.names.stack, PARAMETERS, yes=True)
    evidence.outputs = _outputs(evidence)


def _outputs(evidence: Evidence) -> dict[str, str]:
    stack = evidence.client("cloudformation").describe_stacks(StackName=evidence.names.stack)["Stacks"][0]
    return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}


def _prepare(evidence: Evidence, home: Path) -> Airflow:
    home.mkdir(parents=True, exist_ok=True)
    make_role(evidence)
    say("uploading a week of sample flights")
    python = str(PROJECT / ".venv-local-aws" / "bin" / "python")
    command = [python, "-m", "scripts.sample_data", "--stack-name", evidence.names.stack, "--yes"]
    run([*command, "--from", DAYS[0], "--to", DAYS[1]], own_environment(), home / "sample-data.log")
    for probe in (probe_stack, probe_bucket, probe_quotas, probe_rights):
        _probe(probe, evidence)
    airflow = Airflow(evidence.account, evidence.names, home, evidence.role)
    airflow.prepare()
    return airflow


def _retrain(evidence: Evidence, airflow: Airflow) -> None:
    say("retraining, to be accepted (threshold 1.0)")
    evidence.runs["accepted"] = airflow.retrain("accepted", threshold=ACCEPTED)
    say(f"  {evidence.runs['accepted'].outcome}")
    say("asking AWS")
    for probe in (probe_definition, probe_training, probe_served, probe_executions):
        _probe(probe, evidence)
    say("retraining, to be rejected (threshold 0.0)")
    evidence.runs["rejected"] = airflow.retrain("rejected", threshold=REJECTED)
    say(f"  {evidence.runs['rejected'].outcome}")
    report = evidence.runs["accepted"].report
    if report and report["outcome"] == "deployed":
        say("rolling back")
        evidence.runs["rollback"] = airflow.roll_back("rollback", report["model_name"])
        say(f"  {evidence.runs['rollback'].outcome}")
    say("looking for what housekeeping would remove")
    evidence.facts["housekeeping"] = airflow.look_for_leftovers()
    say("letting an ETL job fail")
    _probe(probe_failed_etl, evidence)


def _take_over(evidence: Evidence, before_deletion: Callable[[], None]) -> None:
    """Delete the stack and deploy it again, with Spark: bucket and table are to be those that were there."""
    account, stack = evidence.account, evidence.names.stack
    s3, bucket = evidence.client("s3"), evidence.outputs["Bucket"]
    s3.put_object(Bucket=bucket, Key=MARK, Body=stack.encode())
    before_deletion()
    say("deleting the stack and deploying it again")
    try:
        with redirect_stdout(StringIO()):
            destroy(account, stack, yes=True)
            deploy(account, stack, PARAMETERS | {"GlueEngine": "spark"}, yes=True)
        body = s3.get_object(Bucket=bucket, Key=MARK)["Body"].read().decode()
        evidence.facts["taken over"] = "yes" if body == stack else f"other content: {body[:100]}"
    except (DeploymentError, ClientError) as error:
        evidence.facts["taken over"] = str(error)
        return
    evidence.outputs = _outputs(evidence)
    say("letting Spark do an ETL")
    _probe(probe_spark, evidence)


def _probe(probe: Callable[[Evidence], None], evidence: Evidence) -> None:
    """One that breaks down leaves its checks without evidence; the others go on."""
    try:
        probe(evidence)
    except (*TROUBLE, IndexError) as error:
        _note(evidence, f"{probe.__name__}: {error}")


def _note(evidence: Evidence, error: str) -> None:
    evidence.errors.append(error)
    print(f"error: {error}", file=sys.stderr)
