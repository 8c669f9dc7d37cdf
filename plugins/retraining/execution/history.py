"""What an execution's history tells: time spent in states, metrics read, where it ended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# The state that calls the Lambda function training_metrics (include/workflow/steps.py).
METRICS_STATE = "Read metrics"
# The state that asks it what to do about a training that was not seen to complete.
TRAINING_STATE = "Look at training"
_ENDED = ("ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")


def tells_of(history: Sequence[Mapping[str, Any]], execution: Mapping[str, Any]) -> bool:
    """Whether a history goes as far as a description: either read may be behind, by a redrive or by the end.

    :param history: events of GetExecutionHistory, oldest first.
    :param execution: an ended one, as DescribeExecution describes it.
    """
    redrives = sum(event["type"] == "ExecutionRedriven" for event in history)
    # FAILED and TIMED_OUT: ExecutionFailed and ExecutionTimedOut.
    end = "Execution" + "".join(word.capitalize() for word in execution["status"].split("_"))
    return redrives == execution.get("redriveCount", 0) and bool(history) and history[-1]["type"] == end


def state_durations(history: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Add up the seconds spent in each state; a state that was entered repeatedly counts all of them.

    :param history: events of GetExecutionHistory, oldest first.
    """
    seconds: dict[str, float] = {}
    entered: dict[str, Any] = {}
    interrupted: set[str] = set()

    def leave(name: str, moment: Any) -> None:
        if since := entered.pop(name, None):
            seconds[name] = round(seconds.get(name, 0) + (moment - since).total_seconds(), 3)

    for event in history:
        moment = event["timestamp"]
        if "stateEnteredEventDetails" in event:
            entered[event["stateEnteredEventDetails"]["name"]] = moment
        elif "stateExitedEventDetails" in event:
            leave(event["stateExitedEventDetails"]["name"], moment)
        elif event["type"] in _ENDED:
            interrupted = set(entered)
            for name in interrupted:
                leave(name, moment)
        elif event["type"] == "ExecutionRedriven":
            # The state that failed goes on, whether or not it is entered again.
            entered = dict.fromkeys(interrupted, moment)
    return seconds


def metrics_payload(history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Find what the Lambda function ``training_metrics`` returned.

    :return: empty when the execution did not get there.
    """
    for event in reversed(history):
        details = event.get("stateExitedEventDetails")
        if details and details["name"] == METRICS_STATE:
            payload: dict[str, Any] = json.loads(details["output"])["Metrics"]["Payload"]
            return payload
    return {}


def training_of(history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Find what the state machine keeps of its trainings: ``Number`` of the last, and ``Capacity``.

    :return: empty when the execution did not get there, or began before trainings were numbered.
    """
    for event in reversed(history):
        if details := event.get("stateEnteredEventDetails"):
            training = json.loads(details.get("input") or "{}").get("Training", {})
            return training if "Number" in training else {}
    return {}


def last_state(history: Sequence[Mapping[str, Any]]) -> str | None:
    """Name the state that was entered last."""
    for event in reversed(history):
        if "stateEnteredEventDetails" in event:
            return str(event["stateEnteredEventDetails"]["name"])
    return None
