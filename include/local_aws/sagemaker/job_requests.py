"""What is asked of training, transform and processing jobs alike: a name of their own, and to be stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import Any

from moto.core.responses import EmptyResult
from moto.sagemaker.exceptions import ResourceInUseException, ValidationError
from moto.sagemaker.responses import SageMakerResponse

from include.local_aws.jobs import Job

Supported = Mapping[str, tuple[Any, tuple[Any, ...]]]


def unsupported(parameters: Supported, where: str = "") -> Iterator[str]:
    """
    Say which parameters have values that the embedded AWS does not support.

    :param parameters: by name, what is given and what is supported.
    :param where: what the names are below, with its dot.
    """
    for name, (value, allowed) in parameters.items():
        if value not in allowed:
            words = " and ".join(str(one) for one in allowed)
            yield f"{where}{name}: the embedded AWS supports {words}, got {value!r}"


def require_new(jobs: Mapping[str, Any], name: str, names: str = "Job name", job: str = "job") -> None:
    """
    Refuse a name that a job has had.

    :param names: what AWS calls the names of such jobs.
    :param job: what AWS calls one of them.
    :raises ResourceInUseException: naming the job that has it.
    """
    if name in jobs:
        raise ResourceInUseException(
            message=f"{names} must be unique within an AWS account and region, and a {job} with this name "
            f"already exists ({jobs[name].arn})"
        )


def stopping(
    kind: str,
    lock: Lock,
    job_runs: Mapping[str, Job],
    end: Callable[[Any, str], None],
    note: Callable[[Any], None] = lambda _: None,
) -> Callable[[SageMakerResponse], EmptyResult]:
    """
    The Stop operation of a kind of jobs.

    :param kind: ``training``, ``transform`` or ``processing``.
    :param lock: is held by whatever changes a job's status.
    :param job_runs: what runs each job, by its ARN.
    :param end: lets a job have ended with a status.
    :param note: told of a job that is stopping.
    """
    status = f"{kind}_job_status"

    def stop(response: SageMakerResponse) -> EmptyResult:
        backend, name = response.sagemaker_backend, response._get_param(f"{kind.capitalize()}JobName")
        # In moto's words, which are AWS's, if it is not there.
        getattr(backend, f"describe_{kind}_job")(name)
        job = getattr(backend, f"{kind}_jobs")[name]
        with lock:
            if (found := getattr(job, status)) != "InProgress":
                raise ValidationError(message=f"The request was rejected because the {kind} job is {found}.")
            setattr(job, status, "Stopping")
            note(job)
        if job_runs[job.arn].stop():
            end(job, "Stopped")
        return EmptyResult()

    return stop
