"""Lambda function: a training job's metrics, those of the validation first."""

from __future__ import annotations

import logging
from typing import Any

import boto3

log = logging.getLogger()
log.setLevel(logging.INFO)
sagemaker = boto3.client("sagemaker")


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """
    Read the metrics.

    :param event: ``{"TrainingJobName": name}``
    :return: ``{"trainingMetrics": [{"MetricName": name, "Value": number}, ...]}``
    """
    job = sagemaker.describe_training_job(TrainingJobName=event["TrainingJobName"])
    log.info("%s is %s", job["TrainingJobName"], job["TrainingJobStatus"])
    metrics = [
        {"MetricName": metric["MetricName"], "Value": metric["Value"]}
        for metric in job["FinalMetricDataList"]
    ]
    metrics.sort(key=lambda metric: not str(metric["MetricName"]).startswith("validation:"))
    return {"trainingMetrics": metrics}
