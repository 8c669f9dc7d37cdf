"""SageMaker's lists: filtered, sorted and paged; moto pages before it filters, or does neither."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores as _attribute
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.responses import SageMakerResponse

from include.local_aws.sagemaker.tags import seen_in

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListEndpoints.html: 10 unless asked for.
DEFAULT_RESULTS = 10
MAX_RESULTS = 100


@dataclass(frozen=True)
class Listing:
    """
    A List operation.

    :param collection: the backend's dictionary of what is listed.
    :param result: the response's field.
    :param name: the attribute with a thing's name.
    :param summary: what is said of a thing.
    :param status: the attribute with a thing's status, where it has one.
    :param order: of things without a SortOrder in the request.
    """

    collection: str
    result: str
    name: str
    summary: Callable[[Any], dict[str, Any]]
    status: str = ""
    order: str = "Descending"

    def respond(self, response: SageMakerResponse) -> ActionResult:
        """Answer a request."""
        things = [
            thing
            for thing in seen_in(response.sagemaker_backend, self.collection)
            if self._wanted(response, thing)
        ]
        kept, token = self._page(response, things)
        return ActionResult({self.result: [self.summary(thing) for thing in kept], "NextToken": token})

    def _wanted(self, response: SageMakerResponse, thing: Any) -> bool:
        for field, attribute in (
            ("CreationTime", "creation_time"),
            ("LastModifiedTime", "last_modified_time"),
        ):
            after, before = (response._get_param(f"{field}{end}") for end in ("After", "Before"))
            if after and not _utc(getattr(thing, attribute)) > _utc(after):
                return False
            if before and not _utc(getattr(thing, attribute)) < _utc(before):
                return False
        status = response._get_param("StatusEquals")
        if status and status != getattr(thing, self.status):
            return False
        return (response._get_param("NameContains") or "").lower() in getattr(thing, self.name).lower()

    def _page(self, response: SageMakerResponse, things: list[Any]) -> tuple[list[Any], str | None]:
        descending = (response._get_param("SortOrder") or self.order) == "Descending"
        by = response._get_param("SortBy") or "CreationTime"
        things.sort(key=lambda thing: self._key(thing, by), reverse=descending)
        if token := response._get_param("NextToken"):
            last = _decode(token)
            # What comes and goes between two pages leaves nothing else out.
            things = [
                thing
                for thing in things
                if (self._key(thing, by) < last if descending else self._key(thing, by) > last)
            ]
        size = int(response._get_param("MaxResults") or DEFAULT_RESULTS)
        if not 1 <= size <= MAX_RESULTS:
            raise ValidationError(message=f"MaxResults: {size} is not allowed; 1 to {MAX_RESULTS} are")
        if size >= len(things):
            return things, None
        return things[:size], base64.b64encode(json.dumps(self._key(things[size - 1], by)).encode()).decode()

    def _key(self, thing: Any, by: str) -> list[str]:
        name = getattr(thing, self.name)
        if by == "Name":
            return [name]
        if by == "Status":
            return [getattr(thing, self.status), name]
        return [_utc(thing.creation_time).isoformat(timespec="microseconds"), name]


def install() -> None:
    """Put the lists in place."""
    for operation, listing in LISTS.items():
        setattr(SageMakerResponse, operation, _method(listing))


def _method(listing: Listing) -> Callable[[SageMakerResponse], ActionResult]:
    # A bound method would not be given the response.
    return lambda response: listing.respond(response)


def _model(model: Any) -> dict[str, Any]:
    return {"ModelName": model.model_name, "ModelArn": model.arn, "CreationTime": model.creation_time}


def _jobs(kind: str, more: str, order: str = "Descending") -> Listing:
    """
    A kind of jobs.

    :param more: what is said of one beside its name, ARN, times and status.
    """

    def summary(job: Any) -> dict[str, Any]:
        named = {f"{kind}JobName": f"{lower}_job_name", f"{kind}JobArn": "arn", more: _attribute(more)}
        plain = ("CreationTime", f"{kind}EndTime", "LastModifiedTime", f"{kind}JobStatus")
        named |= {field: _attribute(field) for field in plain}
        return {field: getattr(job, attribute) for field, attribute in named.items()}

    lower = kind.lower()
    return Listing(
        f"{lower}_jobs", f"{kind}JobSummaries", f"{lower}_job_name", summary, f"{lower}_job_status", order
    )


LISTS = {
    "list_models": Listing("_models", "Models", "model_name", _model),
    "list_endpoint_configs": Listing(
        "endpoint_configs", "EndpointConfigs", "endpoint_config_name", lambda config: config.summary()
    ),
    "list_endpoints": Listing(
        "endpoints", "Endpoints", "endpoint_name", lambda endpoint: endpoint.summary(), "endpoint_status"
    ),
    "list_training_jobs": _jobs("Training", "SecondaryStatus", "Ascending"),
    "list_transform_jobs": _jobs("Transform", "FailureReason"),
    "list_processing_jobs": _jobs("Processing", "FailureReason"),
}


def _utc(moment: datetime) -> datetime:
    # moto's own times are naive UTC.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _decode(token: str) -> list[str]:
    try:
        last = json.loads(base64.b64decode(token, validate=True))
    except ValueError:
        last = None
    if not isinstance(last, list) or not all(isinstance(part, str) for part in last):
        raise ValidationError(message="Invalid pagination token")
    return last
