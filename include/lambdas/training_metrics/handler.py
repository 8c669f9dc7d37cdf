"""Lambda ``training_metrics``: a training job's metrics by name, and those of the model it has to replace."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError

# An endpoint that was never created or whose creation failed serves nothing.
SERVING = ("InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed")
# SageMaker's own rule: <S3OutputPath>/<training job>/output/model.tar.gz
ARTIFACT = re.compile(r"/(?P<job>[a-zA-Z0-9-]{1,63})/output/model\.tar\.gz$")


class NoMetrics(LookupError):
    """The training job reported no metrics at all."""


class MetricMissing(LookupError):
    """The training job reported metrics, but not the one asked for."""


class TrainingUnderWay(RuntimeError):
    """The training job has not ended yet."""


class TrainingFailed(RuntimeError):
    """The training job ended without a model; says why."""


class TrainingRefused(RuntimeError):
    """SageMaker took no training job; says why."""


class CapacityError(RuntimeError):
    """SageMaker had no instance for the training, however often it was begun."""


class NotOurs(RuntimeError):
    """A training job of this name reads somebody else's data."""


class NotFound(LookupError):
    """A part of what the endpoint serves is not there."""


@cache
def client() -> Any:
    """The SageMaker client, kept from one invocation to the next."""
    return boto3.client("sagemaker")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """
    Read the final metrics of a training job, and of the champion: the model that the endpoint serves now.

    The champion's metrics were measured when it was trained, on its own window: compare them with care.

    :param event: ``TrainingJobName``, ``MetricName``, the metric that the caller will gate on, and
        ``EndpointName``; a caller that wants the champion beaten also gives ``Threshold``, ``Comparison``
        (``less_than`` or ``greater_than``) and ``BeatChampionBy``, the margin
    :param context: Lambda's, unused
    :return: ``TrainingJobName``, ``Metrics``, the last value of each metric under its name, ``Value``, that
        of the gated one, and ``Champion``, the first two of the champion or None where the endpoint serves
        none of our training jobs; with ``BeatChampionBy`` also ``Bound``, which the metric must be on the
        right side of, never equal
    :raises NoMetrics: the job has none
    :raises MetricMissing: it has others only; the message lists them
    """
    if "Training" in event:
        return look_at_training(event)
    job, wanted, endpoint = event["TrainingJobName"], event["MetricName"], event["EndpointName"]
    description = client().describe_training_job(TrainingJobName=job)
    metrics = _metrics(description)
    if not metrics:
        raise NoMetrics(f"training job {job} ({description['TrainingJobStatus']}) reported no metrics")
    if wanted not in metrics:
        raise MetricMissing(f"training job {job} has no metric {wanted}; it has {', '.join(sorted(metrics))}")
    champion = find_champion(endpoint)
    answer = {"TrainingJobName": job, "Metrics": metrics, "Value": metrics[wanted], "Champion": champion}
    if "BeatChampionBy" in event:
        answer["Bound"] = _bound(event, champion)
    return answer


def look_at_training(event: dict[str, Any]) -> dict[str, Any]:
    """
    Say what is to be done about a training that its state machine did not see complete.

    :param event: ``TrainingJobName``; ``Training``, what this function returned last (``Number``,
        ``Redrives``, ``Capacity``); ``Error``, what Step Functions says (``Error`` and ``Cause``); the
        execution's ``RedriveCount``; ``Data``, the folder that the job was to read; ``CapacityPauses``,
        seconds before each of the trainings that are begun anew for want of an instance
    :return: ``Job``, what a job that completed after all is and made; or, empty where another training is to
        begin, ``Number``, which its name ends in, ``Seconds`` to wait before, ``Redrives`` of the execution
        by now, and ``Capacity``, the trainings since then that found no instance
    :raises TrainingUnderWay: the job runs still
    :raises TrainingFailed: it ended otherwise, and the execution was not redriven since it began
    :raises TrainingRefused: there is no such job, and the execution was not redriven since it was asked for
    :raises CapacityError: there was no instance for the last training that was allowed
    :raises NotOurs: the job is somebody else's
    """
    job, training, redrives = event["TrainingJobName"], event["Training"], event["RedriveCount"]
    try:
        found = _describe("training_job", TrainingJobName=job)
    except NotFound:
        status, error = None, event["Error"]
        reason = f"{error['Error']}: {error['Cause']}"
    else:
        _check_ours(found, event["Data"])
        status = found["TrainingJobStatus"]
        reason = found.get("FailureReason") or f"training job {job}: {status}, {found['SecondaryStatus']}"
    if status in ("InProgress", "Stopping"):
        raise TrainingUnderWay(f"training job {job} is {status}")
    if status == "Completed":
        described = {key: found[key] for key in ("TrainingJobName", "ModelArtifacts")}
        return {**training, "Seconds": 0, "Job": described}
    another = {"Number": training["Number"] + 1, "Redrives": redrives, "Job": {}}
    if redrives > training["Redrives"]:
        return {**another, "Capacity": 0, "Seconds": 0}
    if status is None:
        raise TrainingRefused(reason)
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html, FailureReason
    if not reason.startswith("CapacityError"):
        raise TrainingFailed(reason)
    pauses, capacity = event["CapacityPauses"], training["Capacity"]
    if capacity == len(pauses):
        raise CapacityError(f"{reason} (training job {job}, begun anew {capacity} times for this)")
    return {**another, "Capacity": capacity + 1, "Seconds": pauses[capacity]}


def _check_ours(description: dict[str, Any], data: str) -> None:
    for channel in description.get("InputDataConfig", ()):
        if not channel["DataSource"]["S3DataSource"]["S3Uri"].startswith(f"{data}/"):
            raise NotOurs(
                f"training job {description['TrainingJobName']} is not of this execution: it reads"
                f" {channel['DataSource']['S3DataSource']['S3Uri']}, not what is in {data}"
            )


def find_champion(endpoint: str) -> dict[str, Any] | None:
    """
    Find the training job of the model that an endpoint serves.

    The artifact's URI names the job, and the job must say that this artifact is its own: a model that came
    about otherwise is no champion, whatever it is called.

    :param endpoint: its name
    :return: ``TrainingJobName`` and ``Metrics``, or None when there is no such endpoint, it serves nothing or
        several models, its model was not trained by a training job, or that job left no metrics
    """
    try:
        status = _describe("endpoint", EndpointName=endpoint)
        if status["EndpointStatus"] not in SERVING:
            return None
        config = _describe("endpoint_config", EndpointConfigName=status["EndpointConfigName"])
        (variant,) = config["ProductionVariants"]
        model = _describe("model", ModelName=variant["ModelName"])
        artifact = model["PrimaryContainer"]["ModelDataUrl"]
        found = ARTIFACT.search(artifact)
        if not found:
            return None
        description = _describe("training_job", TrainingJobName=found["job"])
        if description["ModelArtifacts"]["S3ModelArtifacts"] != artifact:
            return None
    except (NotFound, KeyError, ValueError):
        return None
    metrics = _metrics(description)
    return {"TrainingJobName": found["job"], "Metrics": metrics} if metrics else None


def _describe(what: str, **name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = getattr(client(), f"describe_{what}")(**name)
    except ClientError as error:
        # SageMaker has no error of its own for what is not there.
        if error.response["Error"]["Code"] not in ("ValidationException", "ResourceNotFound"):
            raise
        raise NotFound(what) from error
    return found


def _metrics(description: dict[str, Any]) -> dict[str, float]:
    return {metric["MetricName"]: metric["Value"] for metric in description.get("FinalMetricDataList", ())}


def _bound(event: dict[str, Any], champion: dict[str, Any] | None) -> float:
    threshold, margin = float(event["Threshold"]), float(event["BeatChampionBy"])
    value: float | None = champion["Metrics"].get(event["MetricName"]) if champion else None
    if value is None:
        return threshold
    if event["Comparison"] == "less_than":
        return min(threshold, value - margin)
    return max(threshold, value + margin)
