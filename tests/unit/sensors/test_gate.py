"""The gate's task is green, skipped or red by the outcome; its report is in XCom and ends the log."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.sdk.bases.notifier import BaseNotifier
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException
from airflow.sdk.execution_time.context import OutletEventAccessors
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from retraining.assets import deployments_alias, reports_asset
from retraining.execution.streak import Judged
from retraining.hooks.state_machine import StateMachineHook
from retraining.outcome import Outcome
from retraining.sensors.execution import ExecutionSensor
from retraining.sensors.gate import AccuracyGateSensor
from retraining.sensors.publish_report import PublishReportSensor
from tests.unit.conftest import FLIGHT_DELAY, write_model
from tests.unit.execution.test_report import GIVEN, START, entered, event, exited, metrics

ARN = "arn:aws:states:us-east-1:123456789012:execution:model-retraining-flight_delay:a-run"
REJECTED = {"status": "FAILED", "error": "ModelAccuracyTooLow", "cause": "not less than the threshold"}
FAILED = {"status": "FAILED", "error": "States.TaskFailed", "cause": '{"ErrorMessage": "no flights"}'}
DEPLOYED = {"status": "SUCCEEDED", "output": '{"Outcome": "deployed"}'}
HOLD = {"by": "ada", "reason": "an incident", "since": "2013-05-02T10:00:00Z"}
HELD = {"status": "SUCCEEDED", "output": json.dumps({"Outcome": "held", "Next": {"Hold": HOLD}})}
ACCEPTED = {"status": "SUCCEEDED", "output": '{"Outcome": "accepted"}'}


class SpyNotifier(BaseNotifier):
    """Keeps what it was asked to send."""

    template_fields = ("message",)
    sent: list[str] = []  # noqa: RUF012 - emptied by the fixture

    def __init__(self, message: str = "{{ gate_report.outcome }}", broken: bool = False) -> None:
        super().__init__()
        self.message, self.broken = message, broken

    def notify(self, context: Any) -> None:  # noqa: ARG002
        if self.broken:
            raise ConnectionError("nobody there")
        self.sent.append(self.message)


class Task:
    """Runs a task against an ended execution, as a worker would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.xcoms: dict[str, Any] = {}
        self.rejections_before = 0
        self.states: dict[str, str] = {}
        self.outlet_events = OutletEventAccessors()

    def _pull(self, *, key: str = "return_value", **_: Any) -> Any:
        ended = (START - timedelta(hours=1)).isoformat()
        before = Judged(str(GIVEN["WindowEnd"]), ended, self.rejections_before)
        return before.to_dict() if key == f"judged_{before.month}" else None

    def run(self, task: Any, ended: dict[str, str]) -> Any:
        execution = {"executionArn": ARN, "input": json.dumps(GIVEN), "startDate": START, "stopDate": START}
        execution |= ended
        history = [entered("Read metrics", 0), exited("Read metrics", 1, metrics(0.127))]
        history.append(event(f"Execution{ended['status'].capitalize()}", 1))
        self.monkeypatch.setattr(StateMachineHook, "describe_execution", lambda *_: execution)
        self.monkeypatch.setattr(StateMachineHook, "history", lambda *_: history)
        self.monkeypatch.setattr(
            RuntimeTaskInstance,
            "get_task_states",
            lambda task_ids, run_ids, **_: {run_ids[0]: {name: self.states[name] for name in task_ids}},
        )
        ti = SimpleNamespace(
            id="a-try",
            dag_id="retraining",
            run_id="a-run",
            task_id=task.task_id,
            map_index=-1,
            xcom_push=lambda key, value: self.xcoms.update({key: value}),
            xcom_pull=self._pull,
        )
        return task.execute({"ti": ti, "outlet_events": self.outlet_events})


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> Task:
    SpyNotifier.sent.clear()
    return Task(monkeypatch)


def gate(folder: Path = FLIGHT_DELAY, **arguments: Any) -> AccuracyGateSensor:
    return AccuracyGateSensor(task_id="gate", execution_arn=ARN, model_folder=folder, **arguments)


def test_rejection_skips_and_its_report_is_in_xcom(task: Task) -> None:
    with pytest.raises(AirflowSkipException, match=r"validation:error is 0\.127, threshold 0\.1"):
        task.run(gate(), REJECTED)
    assert task.xcoms["return_value"]["outcome"] == "rejected"
    assert task.xcoms["return_value"]["consecutive_rejections"] == 1


@pytest.mark.parametrize("where", ["argument", "model.yaml"])
def test_rejection_fails_or_succeeds_where_asked_to(
    task: Task, tmp_path: Path, model_yaml: dict[str, Any], where: str
) -> None:
    def asked(on_rejected: str) -> AccuracyGateSensor:
        if where == "argument":
            return gate(on_rejected=on_rejected)
        model_yaml["gate"]["on_rejected"] = on_rejected
        return gate(write_model(tmp_path / on_rejected, model_yaml))

    with pytest.raises(AirflowFailException, match=r"^Rejected: validation:error is"):
        task.run(asked("fail"), REJECTED)
    assert task.run(asked("succeed"), REJECTED)["outcome"] == "rejected"


def test_streak_of_rejections_is_red_whatever_on_rejected(task: Task) -> None:
    task.rejections_before = 1
    sensor = gate(on_rejected="succeed", max_consecutive_rejections=3)
    assert task.run(sensor, REJECTED)["consecutive_rejections"] == 2
    task.rejections_before = 2
    with pytest.raises(AirflowFailException, match=r"Rejected 3 times in a row \(max_consecutive_rejec"):
        task.run(sensor, REJECTED)


def test_failure_is_red_with_state_error_and_cause(task: Task) -> None:
    with pytest.raises(AirflowFailException) as failed:
        task.run(gate(on_rejected="succeed"), FAILED)
    assert str(failed.value) == "Execution failed in state 'Read metrics': States.TaskFailed: no flights"
    assert task.xcoms["return_value"]["outcome"] == "failed"


def test_without_execution_the_gate_says_so(task: Task) -> None:
    # The second is what a template makes of a task that returned nothing.
    for none in ("", "None"):
        sensor = AccuracyGateSensor(task_id="gate", execution_arn=none, model_folder=FLIGHT_DELAY)
        with pytest.raises(AirflowFailException, match=r"^execution_arn: none"):
            task.run(sensor, FAILED)


@pytest.mark.parametrize("sensor", [AccuracyGateSensor, PublishReportSensor])
def test_the_execution_of_an_earlier_attempt_is_not_reported_as_this_ones(task: Task, sensor: Any) -> None:
    """XComs outlive the clearing of their task, until it begins anew; then this one's upstream failed."""
    with DAG("retraining"):
        start, other = EmptyOperator(task_id="start"), EmptyOperator(task_id="other")
        wait = ExecutionSensor(task_id="wait", execution_arn=start.output)
        report = sensor(task_id="report", execution_arn=wait.awaited_execution, model_folder=FLIGHT_DELAY)
        [start, wait, other] >> report
    report.execution_arn = ARN
    task.states = {"start": "upstream_failed", "wait": "success"}
    with pytest.raises(AirflowFailException, match="is of an earlier attempt; in this one start never began"):
        task.run(report, DEPLOYED)
    assert task.xcoms == {}
    task.states = {"start": "success", "wait": "failed"}
    assert task.run(report, DEPLOYED)["outcome"] == "deployed"


def test_a_report_names_the_try_that_gave_it(task: Task) -> None:
    assert task.run(gate(), DEPLOYED)["reported_by"] == "a-try"


def test_what_a_job_wrote_is_told_in_characters_that_every_database_stores(task: Task) -> None:
    """PostgreSQL refuses NUL, and halves of surrogate pairs, in JSON."""
    cause = {"FailureReason": "not a number: '1\0' \ud800"}
    with pytest.raises(AirflowFailException):
        task.run(gate(), {**FAILED, "cause": json.dumps(cause)})
    assert task.xcoms["return_value"]["cause"] == "not a number: '1\N{REPLACEMENT CHARACTER}' ?"


@pytest.mark.parametrize(
    "arguments",
    [{"on_rejected": "ignore"}, {"notifiers": {"deplyed": [SpyNotifier()]}}],
    ids=lambda it: str(*it),
)
def test_wrong_words_are_refused_when_the_dag_is_parsed(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^(on_rejected|notifiers): .* must be"):
        gate(**arguments)


def test_report_ends_the_log(
    task: Task, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AccuracyGateSensor, "log", logging.getLogger("gate"))
    notifiers: dict[Outcome, list[BaseNotifier]] = {"deployed": [SpyNotifier(broken=True), SpyNotifier()]}
    sensor = gate(notifiers=notifiers)
    with caplog.at_level(logging.INFO):
        task.run(sensor, DEPLOYED)
    messages = [record.getMessage() for record in caplog.records]
    assert messages[-1] == f"execution         {ARN}"
    begin = messages.index("outcome           deployed")
    assert any("nobody there" in str(record.exc_info) for record in caplog.records[:begin])


def test_notifiers_hear_of_their_outcome_only_and_see_the_report(task: Task) -> None:
    told = SpyNotifier("{{ gate_report.metric }} {{ gate_report.value }}")
    notifiers: dict[Outcome, list[BaseNotifier]] = {"rejected": [told], "failed": [SpyNotifier("no")]}
    with pytest.raises(AirflowSkipException):
        task.run(gate(notifiers=notifiers), REJECTED)
    assert SpyNotifier.sent == ["validation:error 0.127"]


def test_notifiers_of_model_yaml_are_made_when_needed_and_change_no_outcome(
    task: Task, tmp_path: Path, model_yaml: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    spy = f"{__name__}.SpyNotifier"
    model_yaml["notify"] = [
        {"outcomes": ["deployed"], "notifier": "no.such.Module"},
        {"outcomes": ["deployed"], "notifier": "pathlib.Path"},
        {"outcomes": ["deployed"], "notifier": spy, "arguments": {"broken": True}},
        {"outcomes": ["deployed"], "notifier": spy, "arguments": {"no_such": 1}},
        {"outcomes": ["deployed", "failed"], "notifier": spy, "arguments": {"message": "yes"}},
        {"outcomes": ["failed"], "notifier": spy, "arguments": {"message": "no"}},
    ]
    report = task.run(gate(write_model(tmp_path, model_yaml)), DEPLOYED)
    assert report["outcome"] == "deployed"
    assert SpyNotifier.sent == ["yes"]
    complaints = [record for record in caplog.records if record.levelno == logging.ERROR and record.exc_info]
    assert len([record for record in complaints if "Could not notify by" in record.getMessage()]) == 4
    assert "'pathlib.Path' must be a subclass of Airflow's BaseNotifier" in caplog.text


@pytest.mark.parametrize(
    "ended", [DEPLOYED, ACCEPTED, HELD, REJECTED, FAILED], ids=lambda ended: str(ended)[:60]
)
def test_every_report_is_published_and_only_a_deployment_updates_the_endpoint(
    task: Task, ended: dict[str, str]
) -> None:
    operator = PublishReportSensor(task_id="publish", execution_arn=ARN, model_folder=FLIGHT_DELAY)
    report = task.run(operator, ended)
    assert operator.outlets == [reports_asset("flight_delay"), deployments_alias("flight_delay")]
    assert task.outlet_events[reports_asset("flight_delay")].extra == report
    emitted = task.outlet_events[deployments_alias("flight_delay")].asset_alias_events
    uris = [(one.dest_asset_key.name, one.dest_asset_key.uri, one.extra) for one in emitted]
    endpoint = "x-sagemaker://endpoint/flight-delay"
    assert uris == ([(endpoint, endpoint, report)] if ended is DEPLOYED else [])


def test_a_running_execution_is_not_published_until_it_has_ended(task: Task) -> None:
    operator = PublishReportSensor(task_id="publish", execution_arn=ARN, model_folder=FLIGHT_DELAY, timeout=0)
    with pytest.raises(AirflowSensorTimeout):
        task.run(operator, {"status": "RUNNING"})
    assert len(task.outlet_events) == 0
