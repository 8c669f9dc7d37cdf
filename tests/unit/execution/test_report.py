"""What came of an execution is named in one word, and a rejection is never a breakdown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from retraining.execution.report import GateReport, gate_report
from retraining.execution.report_table import report_table
from retraining.outcome import outcome_of

START = datetime(2026, 1, 1, tzinfo=UTC)
GIVEN = {
    "TrainingJobName": "job",
    "ModelName": "job",
    "EndpointName": "flight-delay",
    "WindowStart": "2013-04-03T00:00:00Z",
    "WindowEnd": "2013-05-01T00:00:00Z",
    "Threshold": 0.1,
}


def execution(status: str, **fields: Any) -> dict[str, Any]:
    return {"executionArn": "arn:x", "status": status, "input": json.dumps(GIVEN), **fields}


def rejected(rejections_before: int = 0, **given: Any) -> GateReport:
    payload = metrics(0.127)["Metrics"]["Payload"] | {
        "Champion": {"TrainingJobName": "before", "Metrics": {"validation:error": 0.09}}
    }
    history = [
        entered("Read metrics", 0),
        exited("Read metrics", 1.25, {"Metrics": {"Payload": payload}}),
        entered("Reject model", 1.25),
        event("ExecutionFailed", 1.25),
    ]
    ended = execution("FAILED", error="ModelAccuracyTooLow", cause="too low")
    ended["input"] = json.dumps(GIVEN | given)
    return gate_report(
        model="flight_delay",
        metric="validation:error",
        execution=ended,
        history=history,
        rejections_before=rejections_before,
    )


def entered(state: str, second: float) -> dict[str, Any]:
    return event("TaskStateEntered", second, stateEnteredEventDetails={"name": state})


def exited(state: str, second: float, output: dict[str, Any] | None = None) -> dict[str, Any]:
    details = {"name": state, "output": json.dumps(output or {})}
    return event("TaskStateExited", second, stateExitedEventDetails=details)


def event(kind: str, second: float, **details: Any) -> dict[str, Any]:
    return {"type": kind, "timestamp": START + timedelta(seconds=second), **details}


def metrics(value: float) -> dict[str, Any]:
    return {"Metrics": {"Payload": {"Metrics": {"train:error": 0.01, "validation:error": value}}}}


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        (execution("SUCCEEDED", output='{"Outcome": "deployed"}'), "deployed"),
        (execution("SUCCEEDED", output='{"Outcome": "accepted"}'), "accepted"),
        (execution("SUCCEEDED", output='{"Outcome": "held"}'), "held"),
        (execution("FAILED", error="ModelAccuracyTooLow"), "rejected"),
        (execution("FAILED", error="States.TaskFailed"), "failed"),
        (execution("FAILED"), "failed"),
        (execution("TIMED_OUT"), "timed_out"),
        (execution("ABORTED"), "aborted"),
    ],
)
def test_outcome(ended: dict[str, Any], outcome: str) -> None:
    assert outcome_of(ended) == outcome


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
def test_an_execution_that_runs_has_no_outcome(status: str) -> None:
    with pytest.raises(ValueError, match="has not ended"):
        outcome_of(execution(status))


def test_success_without_a_known_outcome_is_not_taken_for_one() -> None:
    with pytest.raises(ValueError, match="unknown Outcome None"):
        outcome_of(execution("SUCCEEDED", output="{}"))


def test_rejected_report_has_the_metric_and_no_failure() -> None:
    report = rejected()
    assert (report.outcome, report.value, report.threshold) == ("rejected", 0.127, 0.1)
    assert report.accuracy == pytest.approx(0.873)
    assert report.failed_state is None
    assert report.model_name is None


def test_champion_and_margin_are_reported() -> None:
    report = rejected(BeatChampionBy=0.01)
    assert (report.champion, report.beat_champion_by) == (0.09, 0.01)


@pytest.mark.parametrize("champion", [None, {"TrainingJobName": "auc", "Metrics": {"validation:auc": 0.9}}])
def test_no_champion_or_one_without_the_metric(champion: dict[str, Any] | None) -> None:
    output = metrics(0.05)
    output["Metrics"]["Payload"]["Champion"] = champion
    report = gate_report(
        model="m",
        metric="validation:error",
        execution=execution("SUCCEEDED", output='{"Outcome": "deployed"}'),
        history=[entered("Read metrics", 0), exited("Read metrics", 1, output)],
    )
    assert (report.outcome, report.value, report.champion) == ("deployed", 0.05, None)


@pytest.mark.parametrize(
    ("ended", "rejections"),
    [
        (execution("FAILED", error="ModelAccuracyTooLow"), 3),
        (execution("SUCCEEDED", output='{"Outcome": "accepted"}'), 0),
        (execution("SUCCEEDED", output='{"Outcome": "held"}'), 0),
        (execution("FAILED", error="States.TaskFailed"), 2),
        (execution("ABORTED"), 2),
    ],
)
def test_only_a_model_that_passes_ends_a_row_of_rejections(ended: dict[str, Any], rejections: int) -> None:
    report = gate_report(
        model="m", metric="validation:error", execution=ended, history=[], rejections_before=2
    )
    assert report.consecutive_rejections == rejections


def test_table_is_aligned_and_leaves_out_what_there_is_not() -> None:
    table = report_table(rejected())
    assert table == [
        "outcome              rejected",
        "validation:error     0.127",
        "threshold            0.1",
        "champion             0.09",
        "accuracy             87.30%",
        "rejections in a row  1",
        "window               [2013-04-03T00:00:00Z, 2013-05-01T00:00:00Z)",
        "training job         job-0",
        "endpoint             flight-delay",
        "  Read metrics       1.2 s",
        "execution            arn:x",
    ]


def test_report_and_table_say_who_holds_the_endpoint_why_and_since_when() -> None:
    hold = {"by": "ada", "reason": "an incident,\nsee the log", "since": "2013-05-02T10:00:00Z"}
    ended = execution("SUCCEEDED", output=json.dumps({"Outcome": "held", "Next": {"Hold": hold}}))
    report = gate_report(model="m", metric="validation:error", execution=ended, history=[])
    assert (report.outcome, report.held_by, report.held_since) == ("held", "ada", "2013-05-02T10:00:00Z")
    assert report.held_because == "an incident,\nsee the log"
    table = report_table(report)
    assert "held by       ada" in table
    assert "held because  an incident, see the log" in table


@pytest.mark.parametrize("next_step", [{}, {"Next": {}}, {"Next": {"Hold": None}}])
def test_an_endpoint_that_nobody_holds_is_not_told_of(next_step: dict[str, Any]) -> None:
    ended = execution("SUCCEEDED", output=json.dumps({"Outcome": "deployed", **next_step}))
    report = gate_report(model="m", metric="validation:error", execution=ended, history=[])
    assert (report.held_by, report.held_because, report.held_since) == (None, None, None)
    assert "held" not in "\n".join(report_table(report))


def test_failed_report_names_state_and_reason() -> None:
    history = [
        entered("Extract and transform", 0),
        exited("Extract and transform", 2),
        entered("Train", 2),
        event("ExecutionFailed", 5),
    ]
    cause = json.dumps({"TrainingJobName": "job", "FailureReason": "AlgorithmError: empty file"})
    ended = execution("FAILED", error="States.TaskFailed", cause=cause)
    report = gate_report(model="m", metric="validation:error", execution=ended, history=history)
    assert (report.failed_state, report.cause) == ("Train", "AlgorithmError: empty file")
    assert report.value is None
    assert report.durations == {"Extract and transform": 2.0, "Train": 3.0}


def test_a_score_metric_has_no_accuracy() -> None:
    output = {"Metrics": {"Payload": {"Metrics": {"validation:auc": 0.93}}}}
    report = gate_report(
        model="m",
        metric="validation:auc",
        execution=execution("SUCCEEDED", output='{"Outcome": "accepted"}'),
        history=[entered("Read metrics", 0), exited("Read metrics", 1, output)],
    )
    assert (report.value, report.accuracy) == (0.93, None)


@pytest.mark.parametrize(
    ("training", "job", "anew"),
    [
        ({"Number": 3, "Capacity": 2}, "job-3", 2),
        # Begun before trainings had numbers: $.Training was the job, or not there yet.
        ({"TrainingJobName": "job-1"}, "job-1", 0),
        (None, "job-1", 0),
    ],
)
def test_the_report_names_the_training_that_was_the_last(
    training: dict[str, Any] | None, job: str, anew: int
) -> None:
    state_input = json.dumps({} if training is None else {"Training": training})
    details = {"name": "Train", "input": state_input}
    history = [event("TaskStateEntered", 0, stateEnteredEventDetails=details), event("ExecutionAborted", 1)]
    report = gate_report(
        model="flight_delay",
        metric="validation:error",
        execution=execution("ABORTED", redriveCount=1),
        history=history,
    )
    assert (report.training_job, report.capacity_retries) == (job, anew)
    told = [line for line in report_table(report) if line.startswith("trained anew")]
    assert [line.split()[2] for line in told] == ([str(anew)] if anew else [])
