"""Lambda ``training_metrics``: the metrics of a SageMaker training job, by name."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3


class NoMetrics(LookupError):
    """The training job reported no metrics at all."""


class MetricMissing(LookupError):
    """The training job reported metrics, but not the one asked for."""


@cache
def client() -> Any:
    """The SageMaker client, kept from one invocation to the next."""
    return boto3.client("sagemaker")


def handler(event: dict[str, str], context: object) -> dict[str, Any]:
    """
    Read the final metrics of a training job.

    :param event: ``TrainingJobName``, and ``MetricName``, the metric that the caller will gate on
    :param context: Lambda's, unused
    :return: ``TrainingJobName`` and ``Metrics``, the last value of each metric under its name
    :raises NoMetrics: the job has none
    :raises MetricMissing: it has others only; the message lists them
    """
    job, wanted = event["TrainingJobName"], event["MetricName"]
    description = client().describe_training_job(TrainingJobName=job)
    metrics = {metric["MetricName"]: metric["Value"] for metric in description.get("FinalMetricDataList", ())}
    if not metrics:
        raise NoMetrics(f"training job {job} ({description['TrainingJobStatus']}) reported no metrics")
    if wanted not in metrics:
        raise MetricMissing(f"training job {job} has no metric {wanted}; it has {', '.join(sorted(metrics))}")
    return {"TrainingJobName": job, "Metrics": metrics}
