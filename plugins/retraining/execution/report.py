"""The gate report: what came of an execution, in full."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from retraining.execution.causes import explain_cause
from retraining.execution.execution_input import ExecutionInput
from retraining.execution.history import last_state, metrics_payload, state_durations, training_of
from retraining.outcome import JUDGED, PASSED, Outcome, outcome_of
from retraining.stored_text import storable


@dataclass(frozen=True)
class GateReport:
    """The result of one retrain.

    :param metric: the gate's metric, ``value`` its value (None when training did not get there).
    :param accuracy: 1 - value for error metrics, None for others.
    :param champion: the metric of the model that the endpoint served before, where there is one; measured
        on that model's own window.
    :param beat_champion_by: the margin by which the model had to beat the champion, None for not at all.
    :param window_start: start of the half-open window [window_start, window_end), ISO 8601 UTC.
    :param capacity_retries: how often the training was begun anew, as SageMaker had no instance for it.
    :param durations: seconds spent in each state.
    :param consecutive_rejections: how many models in a row were rejected, up to this run. A run whose model
        was never judged (failed, timed out, aborted) neither counts nor interrupts.
    :param held_by: who holds the endpoint to the model that it serves; ``held_because`` and ``held_since``
        (ISO 8601 UTC) say why, and from when on. None where nobody does, or where nobody looked.
    :param failed_state: where a failed execution ended; ``error`` and ``cause`` say why.
    :param reported_by: id of Airflow's task instance that reported, another one after each clearing: the
        report outlives the clearing of its task, until that begins again.
    """

    model: str
    outcome: Outcome
    metric: str
    value: float | None
    threshold: float
    accuracy: float | None
    champion: float | None
    beat_champion_by: float | None
    window_start: str
    window_end: str
    execution_arn: str
    state_machine_version: str | None
    training_job: str
    capacity_retries: int
    model_name: str | None
    endpoint: str
    durations: dict[str, float]
    consecutive_rejections: int
    held_by: str | None
    held_because: str | None
    held_since: str | None
    failed_state: str | None
    error: str | None
    cause: str | None
    reported_by: str

    def to_dict(self) -> dict[str, Any]:
        """Give the report as JSON can hold it."""
        return asdict(self)


def gate_report(
    *,
    model: str,
    metric: str,
    execution: Mapping[str, Any],
    history: Iterable[Mapping[str, Any]],
    rejections_before: int = 0,
    reported_by: str = "",
) -> GateReport:
    """Report on an ended execution.

    :param metric: name of the gate's metric.
    :param execution: as DescribeExecution describes it.
    :param history: events of GetExecutionHistory, oldest first.
    :param rejections_before: how many models in a row were rejected just before this one.
    :param reported_by: see :class:`GateReport`.
    :raises ValueError: while the execution runs, or when its output names no outcome.
    """
    given = ExecutionInput.of(execution)
    events = list(history)
    outcome = outcome_of(execution)
    read, training = metrics_payload(events), training_of(events)
    # Executions begun before the function gave the gated metric by itself have it by name only.
    value = read.get("Value", read.get("Metrics", {}).get(metric))
    champion = (read.get("Champion") or {}).get("Metrics", {}).get(metric)
    failed = outcome not in JUDGED
    hold = _hold(execution)
    return GateReport(
        model=model,
        outcome=outcome,
        metric=metric,
        value=value,
        threshold=given.threshold,
        accuracy=None if value is None or not metric.endswith(":error") else 1 - value,
        champion=champion,
        beat_champion_by=given.beat_champion_by,
        window_start=given.window_start,
        window_end=given.window_end,
        execution_arn=execution["executionArn"],
        state_machine_version=execution.get("stateMachineVersionArn"),
        training_job=read.get("TrainingJobName")
        or f"{given.training_job_name}-{training.get('Number', execution.get('redriveCount', 0))}",
        capacity_retries=training.get("Capacity", 0),
        model_name=given.model_name if outcome in PASSED else None,
        endpoint=given.endpoint_name,
        durations=state_durations(events),
        consecutive_rejections=_rejections(outcome, rejections_before),
        held_by=storable(hold.get("by")),
        held_because=storable(hold.get("reason")),
        held_since=hold.get("since"),
        failed_state=last_state(events) if failed else None,
        error=storable(execution.get("error")),
        cause=storable(explain_cause(execution.get("cause"))),
        reported_by=reported_by,
    )


def _hold(execution: Mapping[str, Any]) -> Mapping[str, str]:
    """What the last decision of a deployment said of holding (include/lambdas/deployment/answer.py)."""
    output = json.loads(execution.get("output") or "{}")
    return output.get("Next", {}).get("Hold") or {}


def _rejections(outcome: Outcome, before: int) -> int:
    if outcome in PASSED:
        return 0
    return before + 1 if outcome == "rejected" else before
