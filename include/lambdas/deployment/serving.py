"""How our model is served: a three-way merge of what model.yaml said, what is live, and what it says now.

What somebody has changed on the endpoint stays, be it a person or a scaling policy; what has changed in
model.yaml since the last deployment wins. Pure, and free of AWS.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Said = Mapping[str, Any]
# What an endpoint config has and ours can have, too. What else somebody asked for, a retrain would drop.
_OURS = {"EndpointConfigName", "EndpointConfigArn", "ProductionVariants", "DataCaptureConfig", "CreationTime"}
_INSTANCES = {"ModelName", "InstanceType", "InitialInstanceCount"}
NAME = "AllTraffic"
# What is of no such type is written in base64.
_READABLE = {
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}


@dataclass(frozen=True)
class Live:
    """What is served: a production variant, with as many instances as it has now, and its data capture."""

    variant: Mapping[str, Any]
    capture: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Serving:
    """How our model is to be served.

    :param notes: what was changed or kept, and why, for the log.
    """

    variant: dict[str, Any]
    capture: dict[str, Any]
    notes: list[str]


def live(endpoint: Mapping[str, Any], config: Mapping[str, Any]) -> Live:
    """Read what DescribeEndpoint and DescribeEndpointConfig say of what is served."""
    variant = dict(config["ProductionVariants"][0])
    for running in endpoint.get("ProductionVariants", []):
        if running["VariantName"] == variant["VariantName"] and running.get("DesiredInstanceCount"):
            variant["InitialInstanceCount"] = running["DesiredInstanceCount"]
    return Live(variant, config.get("DataCaptureConfig"))


def unkept(config: Mapping[str, Any], key: str | None) -> str:
    """Why a model cannot be put in the place of what a config serves without dropping something; or nothing.

    :param key: ARN of the stack's key, which our endpoint configs have.
    """
    name = config.get("EndpointConfigName", "")
    variants = [variant["VariantName"] for variant in config["ProductionVariants"]]
    if len(variants) > 1:
        return (
            f"the endpoint serves the variants {', '.join(variants)} of {name}, and a retrain would drop all "
            f"but one of them; leave one, or give the model an endpoint of its own"
        )
    if lacking := sorted(_INSTANCES - config["ProductionVariants"][0].keys()):
        return (
            f"the endpoint serves {name}, which has no {', '.join(lacking)}, and a retrain is served by "
            f"instances; give the model an endpoint of its own"
        )
    others = {field for field, value in config.items() if value and field not in _OURS}
    others -= {"ResponseMetadata"} | ({"KmsKeyId"} if config.get("KmsKeyId") == key else set())
    if others:
        return (
            f"the endpoint serves {name}, whose {', '.join(sorted(others))} a retrain would drop; "
            f"give the model an endpoint of its own"
        )
    return ""


def merge(before: Said, now: Said, found: Live | None, *, model: str, nowhere: str) -> Serving:
    """
    Say how our model is to be served.

    :param before: what model.yaml said at the last deployment; nothing where nobody knows.
    :param now: what it says now.
    :param found: what is served; None where nobody is.
    :param model: the model's name.
    :param nowhere: ``s3://`` URI that a data capture has which captures nothing.
    """
    if found is None:
        capture = _capture({}, now.get("data_capture"), nowhere)
        return Serving(_variant({"VariantName": NAME}, now, model), capture, [])
    seen = {
        "instance_type": found.variant.get("InstanceType"),
        "instance_count": found.variant.get("InitialInstanceCount"),
        "data_capture": _captured(found.capture),
    }
    wanted, notes = {}, []
    for name in seen:
        value = now.get(name)
        if seen[name] == value:
            wanted[name] = value
        elif before and before.get(name) != value:
            wanted[name] = value
            notes.append(f"serving.{name}: {seen[name]} becomes {_said(value)}, as model.yaml now says")
        else:
            wanted[name] = seen[name]
            notes.append(
                f"serving.{name}: stays {seen[name]}, as somebody set it; model.yaml says {_said(value)}"
            )
    capture = _capture(found.capture or {}, wanted["data_capture"], nowhere)
    return Serving(_variant(found.variant, wanted, model), capture, notes)


def is_resized(before: str, now: str) -> bool:
    """Whether model.yaml asks for another number of instances than at the last deployment.

    If not, UpdateEndpoint retains what the endpoint has: an endpoint config is some time older than the
    update to it, and what is put back may be days older.
    """
    return bool(before) and read(before).get("instance_count") != read(now).get("instance_count")


def _said(value: Any) -> str:
    return "nothing" if value is None else str(value)


def read(text: str) -> Said:
    """Read what :func:`written` wrote."""
    said: Said = json.loads(text) if text else {}
    return said


def written(said: Said) -> str:
    """What model.yaml says of serving, as the table keeps it with a claim."""
    return json.dumps(said, sort_keys=True, separators=(",", ":")) if said else ""


def _variant(pattern: Mapping[str, Any], said: Said, model: str) -> dict[str, Any]:
    hardware = {"InstanceType": said["instance_type"], "InitialInstanceCount": said["instance_count"]}
    return {**pattern, **hardware, "ModelName": model}


def _captured(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A DataCaptureConfig as model.yaml says it; nothing where nothing is captured."""
    if not config or not config.get("EnableCapture", True):
        return None
    return {"percentage": config["InitialSamplingPercentage"], "place": config["DestinationS3Uri"]}


def _capture(pattern: Mapping[str, Any], said: Said | None, nowhere: str) -> dict[str, Any]:
    """A DataCaptureConfig: what is captured as somebody has set it up, how much of it and where as is said.

    It is there where nothing is to be captured, too: a state's parameters cannot be left out in one execution
    and be there in the next.
    """
    said = said or {"percentage": 0, "place": pattern.get("DestinationS3Uri", nowhere)}
    return {
        **(pattern or _READABLE),
        "EnableCapture": said["percentage"] > 0,
        "InitialSamplingPercentage": said["percentage"],
        "DestinationS3Uri": said["place"],
    }
