"""Requests to SageMaker that tests share."""

from __future__ import annotations

import random
from typing import Any
from uuid import uuid4

from tests.integration.embedded_aws import LocalAws, until

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
HYPERPARAMETERS = {
    "objective": "binary:logistic",
    "eval_metric": "error",
    "num_round": "10",
    "max_depth": "3",
    "eta": "0.2",
    "seed": "1",
}


def rows(count: int, seed: int, flip: bool = False) -> str:
    """
    CSV of two features, label first: whether their sum is over ten, with a tenth of the labels wrong.

    :param flip: turn every label around, for a model that answers the opposite.
    """
    chance = random.Random(seed)  # noqa: S311
    lines = []
    for _ in range(count):
        a, b = chance.randint(0, 10), chance.randint(0, 10)
        label = (a + b > 10) ^ (chance.random() < 0.1) ^ flip
        lines.append(f"{int(label)},{a},{b}\n")
    return "".join(lines)


def training_request(aws: LocalAws, **changes: Any) -> dict[str, Any]:
    """
    A CreateTrainingJob request, its data uploaded, under a name of its own.

    :param changes: fields to set otherwise; ``flip`` is that of :func:`rows`.
    """
    name, bucket = f"train-{uuid4().hex}", aws.outputs["Bucket"]
    flip = changes.pop("flip", False)
    for channel, seed in (("train", 1), ("validation", 2)):
        key = f"runs/{name}/{channel}/part-0.csv"
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=rows(300, seed, flip).encode())
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": aws.outputs["TrainingRoleArn"],
        "HyperParameters": HYPERPARAMETERS,
        "InputDataConfig": [
            channel_request(f"s3://{bucket}/runs/{name}", c) for c in ("train", "validation")
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/runs/{name}"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **changes,
    }


def channel_request(root: str, name: str) -> dict[str, Any]:
    """A channel of CSV below a root."""
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"{root}/{name}",
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def trained(aws: LocalAws, name: str) -> dict[str, Any]:
    """The description of a training job, once it has ended."""
    sagemaker = aws.client("sagemaker")

    def probe() -> dict[str, Any] | None:
        job: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        return None if job["TrainingJobStatus"] in ("InProgress", "Stopping") else job

    return until(probe)


def stored_artifact(aws: LocalAws) -> str:
    """The URI of an artifact that is there, for models that nobody serves."""
    bucket = aws.outputs["Bucket"]
    aws.client("s3").put_object(Bucket=bucket, Key="runs/stored/model.tar.gz", Body=b"")
    return f"s3://{bucket}/runs/stored/model.tar.gz"


def model_of(aws: LocalAws, data_url: str) -> str:
    """Creates a model and an endpoint configuration of one name, and gives the name."""
    sagemaker, name = aws.client("sagemaker"), f"model-{uuid4().hex}"
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=aws.outputs["TrainingRoleArn"],
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": data_url},
    )
    variant = {
        "VariantName": "all",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
        "InitialVariantWeight": 1.0,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    return name
