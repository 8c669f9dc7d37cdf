"""The article's trigger: an EventBridge rule that starts the state machine every hour."""

from __future__ import annotations

import json
from typing import Any

from docs.examples.article.resources import Resources


def put(resources: Resources, expression: str = "rate(1 hour)") -> None:
    """
    Make the rule, or change it.

    :param expression: ``rate(...)`` or ``cron(...)``, by the clock in UTC.
    """
    events = resources.session.client("events")
    events.put_rule(Name=resources.name, ScheduleExpression=expression)
    events.put_targets(Rule=resources.name, Targets=[target(resources)])


def remove(resources: Resources) -> None:
    """Delete the rule, if there is one; executions that it began go on."""
    events = resources.session.client("events")
    if not events.list_rules(NamePrefix=resources.name)["Rules"]:
        return
    events.remove_targets(Rule=resources.name, Ids=["state-machine"])
    events.delete_rule(Name=resources.name)


def target(resources: Resources) -> dict[str, Any]:
    """The state machine, with names made of the event's id: there is no run that they could be named for."""
    template = {
        "TrainingJobName": "flights-<id>",
        "GlueJobName": resources.name,
        "ModelName": "flights-<id>",
        "EndpointName": resources.name,
        "LambdaFunctionName": resources.name,
        "WindowEnd": "<time>",
    }
    return {
        "Id": "state-machine",
        "Arn": resources.state_machine,
        "RoleArn": resources.role("events"),
        "InputTransformer": {
            "InputPathsMap": {"id": "$.id", "time": "$.time"},
            "InputTemplate": json.dumps(template),
        },
    }
