"""What the stack and the account answer: unknown names, quotas, lifecycle rules and rights."""

from __future__ import annotations

from scripts.verify.airflow import quota_names
from scripts.verify.evidence import Evidence
from scripts.verify.probes import answer
from scripts.verify.role import airflows_session


def probe_bucket(evidence: Evidence) -> None:
    """Read the lifecycle rules back."""
    evidence.facts["lifecycle"] = evidence.client("s3").get_bucket_lifecycle_configuration(
        Bucket=evidence.outputs["Bucket"]
    )["Rules"]


def probe_stack(evidence: Evidence) -> None:
    """Ask for a stack that is not there."""
    evidence.answers["describe an unknown stack"] = answer(
        lambda: evidence.client("cloudformation").describe_stacks(StackName=f"{evidence.names.stack}-none")
    )


def probe_quotas(evidence: Evidence) -> None:
    """Look for the quotas of the instances by the names that preflight knows them by."""
    pages = (
        evidence.client("service-quotas")
        .get_paginator("list_aws_default_service_quotas")
        .paginate(ServiceCode="sagemaker")
    )
    there = {item["QuotaName"] for page in pages for item in page["Quotas"]}
    missing = [name for name in quota_names() if name not in there]
    evidence.facts["quotas"] = f"no {', '.join(missing)}" if missing else "listed"


def probe_rights(evidence: Evidence) -> None:
    """Let Airflow's role delete a model that is gone: it may by a tag, and what is gone has none."""
    if evidence.role is None:
        return
    airflow = airflows_session(evidence)
    evidence.answers["delete a model that is gone"] = answer(
        lambda: airflow.client("sagemaker").delete_model(ModelName=f"{evidence.names.stack}-none")
    )
