"""
What a target gets of an event: Input, InputPath or InputTransformer.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html, and the answers that
LocalStack recorded of AWS (events/test_events_inputs).
"""

from __future__ import annotations

import json
import re
from typing import Any

from jsonpath_ng.ext import parse
from moto.events.exceptions import ValidationException

Event = dict[str, Any]

WAYS = ("Input", "InputPath", "InputTransformer")
PREDEFINED = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    "aws.events.event",
    "aws.events.event.json",
)
_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")


def check(target: dict[str, Any]) -> None:
    """
    Refuse what AWS would not take.

    :raises ValidationException: in AWS's words.
    """
    name = target["Id"]
    if len([way for way in WAYS if way in target]) > 1:
        raise ValidationException(
            f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}."
        )
    transformer = target.get("InputTransformer", {})
    known = {*transformer.get("InputPathsMap", {}), *PREDEFINED}
    for placeholder in _PLACEHOLDER.findall(transformer.get("InputTemplate", "")):
        if placeholder not in known:
            raise ValidationException(
                f"InputTemplate for target {name} contains invalid placeholder {placeholder}."
            )


def payload(target: dict[str, Any], event: Event, rule_arn: str) -> str:
    """The text that a target is sent."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(target["InputPath"], event))
    if "InputTransformer" in target:
        return _transformed(target["InputTransformer"], event, rule_arn)
    return json.dumps(event)


def _at(path: str, event: Event) -> Any:
    found = parse(path).find(event)
    return found[0].value if found else None


def _transformed(transformer: dict[str, Any], event: Event, rule_arn: str) -> str:
    values = {name: _at(path, event) for name, path in transformer.get("InputPathsMap", {}).items()}
    values |= {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
        "aws.events.event.ingestion-time": event["time"],
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
        "aws.events.event.json": event,
    }
    template = transformer["InputTemplate"]
    # In a JSON template a value that no quotes surround brings its own.
    quoting = template.lstrip().startswith(("{", "["))

    def fill(match: re.Match[str]) -> str:
        value = values[match[1]]
        quoted = template[: match.start()].replace('\\"', "").count('"') % 2 == 1
        if value is None:
            value = ""
        if isinstance(value, str):
            text = json.dumps(value)
            return text if quoting and not quoted else text[1:-1]
        text = json.dumps(value)
        return json.dumps(text)[1:-1] if quoted and quoting else text

    return _PLACEHOLDER.sub(fill, template)
