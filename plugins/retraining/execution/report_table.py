"""The gate report as a small table, for the end of a task's log."""

from __future__ import annotations

from collections.abc import Iterator

from retraining.execution.report import GateReport

_NOT_TOLD = "-"
# Choices and the like take no time worth a line.
SHOWN_SECONDS = 0.1


def report_table(report: GateReport) -> list[str]:
    """Lay the report out in aligned lines, one a field; what it does not have is left out."""
    rows = [(name, text) for name, text in _rows(report) if text != _NOT_TOLD]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {text}" for name, text in rows]


def _rows(report: GateReport) -> Iterator[tuple[str, str]]:
    yield "outcome", report.outcome
    yield report.metric, _number(report.value)
    yield "threshold", _number(report.threshold)
    yield "champion", _number(report.champion)
    yield "beat champion by", _number(report.beat_champion_by)
    yield "accuracy", _NOT_TOLD if report.accuracy is None else f"{report.accuracy:.2%}"
    yield "rejections in a row", str(report.consecutive_rejections or _NOT_TOLD)
    yield "window", f"[{report.window_start}, {report.window_end})"
    yield "training job", report.training_job
    yield "trained anew", _times(report.capacity_retries)
    yield "model", report.model_name or _NOT_TOLD
    yield "endpoint", report.endpoint
    yield "held by", report.held_by or _NOT_TOLD
    yield "held since", report.held_since or _NOT_TOLD
    yield "held because", " ".join((report.held_because or _NOT_TOLD).split())
    # A rejection is told by the numbers above; its error would read as a breakdown.
    if report.outcome != "rejected":
        yield "failed state", report.failed_state or _NOT_TOLD
        yield "error", report.error or _NOT_TOLD
        yield "cause", " ".join((report.cause or _NOT_TOLD).split())
    for state, seconds in report.durations.items():
        yield f"  {state}", f"{seconds:.1f} s" if seconds >= SHOWN_SECONDS else _NOT_TOLD
    yield "state machine", report.state_machine_version or _NOT_TOLD
    yield "execution", report.execution_arn


def _times(capacity_retries: int) -> str:
    if not capacity_retries:
        return _NOT_TOLD
    return f"{capacity_retries} x, as SageMaker had no capacity for the instance"


def _number(value: float | None) -> str:
    return _NOT_TOLD if value is None else f"{value:.6g}"
