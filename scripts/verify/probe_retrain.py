"""What a retrain left: its training job, its tags, its endpoint, and what AWS says to making it again."""

from __future__ import annotations

from typing import Any

from scripts.verify.evidence import Evidence
from scripts.verify.probes import answer, until


def probe_training(evidence: Evidence) -> None:
    """Read the training job, and ask for another one of its name."""
    report = evidence.runs["accepted"].report
    if not report:
        return
    sagemaker = evidence.client("sagemaker")
    jobs = sagemaker.list_training_jobs(NameContains=report["training_job"])["TrainingJobSummaries"]
    if not jobs:
        return
    job = sagemaker.describe_training_job(TrainingJobName=jobs[0]["TrainingJobName"])
    evidence.facts["training"] = job
    given = {key: job[key] for key in ("TrainingJobName", "RoleArn", "OutputDataConfig", "StoppingCondition")}
    image = {key: job["AlgorithmSpecification"][key] for key in ("TrainingImage", "TrainingInputMode")}
    resources = {
        key: job["ResourceConfig"][key] for key in ("InstanceType", "InstanceCount", "VolumeSizeInGB")
    }
    evidence.answers["train again, same name"] = answer(
        lambda: sagemaker.create_training_job(**given, AlgorithmSpecification=image, ResourceConfig=resources)
    )


def probe_served(evidence: Evidence) -> None:
    """Ask the endpoint, read its model back by its tag, and ask for what is there, or not there, already."""
    sagemaker, names = evidence.client("sagemaker"), evidence.names
    evidence.answers["describe an unknown endpoint"] = answer(
        lambda: sagemaker.describe_endpoint(EndpointName=f"{names.endpoint}-none")
    )
    endpoint = sagemaker.describe_endpoint(EndpointName=names.endpoint)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    variants = config["ProductionVariants"]
    evidence.answers["endpoint config again"] = answer(
        lambda: sagemaker.create_endpoint_config(
            EndpointConfigName=config["EndpointConfigName"], ProductionVariants=variants
        )
    )
    model = sagemaker.describe_model(ModelName=variants[0]["ModelName"])
    container = {key: model["PrimaryContainer"][key] for key in ("Image", "ModelDataUrl")}
    evidence.answers["model again"] = answer(
        lambda: sagemaker.create_model(
            ModelName=model["ModelName"],
            PrimaryContainer=container,
            ExecutionRoleArn=model["ExecutionRoleArn"],
        )
    )
    evidence.seconds["tags in GetResources"] = until(lambda: _tagged(evidence))
    row = _row(evidence)
    if row:
        body = evidence.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=names.endpoint, ContentType="text/csv", Body=row.encode()
        )["Body"]
        evidence.facts["prediction"] = body.read().decode().strip()


def _tagged(evidence: Evidence) -> list[Any]:
    found: list[Any] = evidence.client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "retraining:model", "Values": [evidence.names.model]}],
        ResourceTypeFilters=["sagemaker:model"],
    )["ResourceTagMappingList"]
    return found


def _row(evidence: Evidence) -> str | None:
    """What the retrain's own test of the endpoint asked it."""
    tested = [output["Test"] for _, output in evidence.runs["accepted"].exits() if "Test" in output]
    return str(tested[-1]["Payload"]["Row"]) if tested else None
