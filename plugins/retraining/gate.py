"""What came of an execution: the outcome, and the gate report that says it in full."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Outcome = Literal["deployed", "accepted", "stale", "rejected", "failed", "timed_out", "aborted"]

# The error of the state machine's Fail state (include/workflow/definition.py).
REJECTED_ERROR = "ModelAccuracyTooLow"
METRICS_STATE = "Read metrics"


@dataclass(frozen=True)
class GateReport:
    """The result of one retrain.

    :param metric: the gate's metric, ``value`` its value (None when training did not get there).
    :param accuracy: 1 - value for error metrics, None for others.
    :param champion: the metric of the model that the endpoint served before, where there is one.
    :param window_start: start of the half-open window [window_start, window_end), ISO 8601 UTC.
    :param durations: seconds spent in each state.
    :param failed_state: where a failed execution ended; ``error`` and ``cause`` say why.
    """

    model: str
    outcome: Outcome
    metric: str
    value: float | None
    threshold: float
    accuracy: float | None
    champion: float | None
    window_start: str
    window_end: str
    execution_arn: str
    state_machine_version: str | None
    training_job: str
    model_name: str | None
    endpoint: str
    durations: dict[str, float]
    failed_state: str | None
    error: str | None
    cause: str | None

    def to_dict(self) -> dict[str, Any]:
        """Give the report as JSON can hold it."""
        return asdict(self)


def outcome_of(execution: Mapping[str, Any]) -> Outcome:
    """Name what came of an ended execution.

    :param execution: as DescribeExecution describes it.
    :raises ValueError: while the execution runs, or when its output names no outcome.
    """
    match execution["status"]:
        case "SUCCEEDED":
            outcome = json.loads(execution["output"]).get("Outcome")
            if outcome not in ("deployed", "accepted", "stale"):
                raise ValueError(f"{execution['executionArn']} succeeded with unknown Outcome {outcome!r}")
            return outcome  # type: ignore[no-any-return]
        case "FAILED":
            return "rejected" if execution.get("error") == REJECTED_ERROR else "failed"
        case "TIMED_OUT":
            return "timed_out"
        case "ABORTED":
            return "aborted"
        case status:
            raise ValueError(f"{execution['executionArn']} has not ended: {status}")


def gate_report(
    *, model: str, metric: str, execution: Mapping[str, Any], history: Iterable[Mapping[str, Any]]
) -> GateReport:
    """Report on an ended execution.

    :param metric: name of the gate's metric.
    :param execution: as DescribeExecution describes it.
    :param history: events of GetExecutionHistory, oldest first.
    """
    given = json.loads(execution["input"])
    events = list(history)
    outcome = outcome_of(execution)
    value = _metric_value(events, metric)
    models = ("deployed", "accepted", "stale")
    failed = outcome not in (*models, "rejected")
    return GateReport(
        model=model,
        outcome=outcome,
        metric=metric,
        value=value,
        threshold=given["Threshold"],
        accuracy=None if value is None or not metric.endswith(":error") else 1 - value,
        champion=None,
        window_start=given["WindowStart"],
        window_end=given["WindowEnd"],
        execution_arn=execution["executionArn"],
        state_machine_version=execution.get("stateMachineVersionArn"),
        training_job=given["TrainingJobName"],
        model_name=given["ModelName"] if outcome in models else None,
        endpoint=given["EndpointName"],
        durations=state_durations(events),
        failed_state=_last_state(events) if failed else None,
        error=execution.get("error"),
        cause=explain_cause(execution.get("cause")),
    )


def state_durations(history: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Add up the seconds spent in each state; a state that was entered repeatedly counts all of them."""
    seconds: dict[str, float] = {}
    entered: dict[str, Any] = {}
    for event in history:
        if "stateEnteredEventDetails" in event:
            entered[event["stateEnteredEventDetails"]["name"]] = event["timestamp"]
        elif "stateExitedEventDetails" in event:
            name = event["stateExitedEventDetails"]["name"]
            spent = (event["timestamp"] - entered.pop(name)).total_seconds()
            seconds[name] = round(seconds.get(name, 0) + spent, 3)
        elif event["type"] in ("ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"):
            for name, since in entered.items():
                spent = (event["timestamp"] - since).total_seconds()
                seconds[name] = round(seconds.get(name, 0) + spent, 3)
    return seconds


def explain_cause(cause: str | None) -> str | None:
    """Find the sentence that explains a failure.

    Step Functions gives the whole description of a failed job, or a Lambda function's error, as JSON.
    """
    if cause is None:
        return None
    try:
        description = json.loads(cause)
    except ValueError:
        return cause
    if not isinstance(description, dict):
        return cause
    for field in ("ErrorMessage", "FailureReason", "errorMessage"):
        if description.get(field):
            return str(description[field])
    return cause


def _metric_value(history: list[Mapping[str, Any]], metric: str) -> float | None:
    for event in reversed(history):
        details = event.get("stateExitedEventDetails")
        if details and details["name"] == METRICS_STATE:
            metrics = json.loads(details["output"])["Metrics"]["Payload"]["Metrics"]
            return float(metrics[metric])
    return None


def _last_state(history: list[Mapping[str, Any]]) -> str | None:
    for event in reversed(history):
        if "stateEnteredEventDetails" in event:
            return str(event["stateEnteredEventDetails"]["name"])
    return None
