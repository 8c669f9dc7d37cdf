"""What the wait task makes of an execution's end: results pass, failures fail, retries take up the work."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.bases.operator import TRIGGER_FAIL_REPR, TriggerFailureReason
from airflow.sdk.exceptions import AirflowSensorTimeout, TaskDeferred
from airflow.triggers.base import TaskSuccessEvent
from jinja2 import Template

from retraining import arns
from retraining.execution import execution_name, redeployment
from retraining.hooks.state_machine import StateMachineHook
from retraining.operators.start_execution import StartExecutionOperator
from retraining.sensors.execution import ExecutionFailedError, ExecutionSensor
from retraining.triggers.execution import ExecutionTrigger
from retraining.triggers.poller import Wait

MACHINE = "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:m"
RUN = ("a_dag", "manual__1")
ARN = arns.execution_arn(MACHINE, execution_name(*RUN))


class FakeHook:
    """Records what the sensor asks of AWS."""

    def __init__(self, *, redrivable: bool = True) -> None:
        self.redrivable = redrivable
        self.given: dict[str, Any] | None = None
        self.done: list[tuple[str, str]] = []

    def describe_execution(self, arn: str) -> dict[str, Any]:
        return {
            "executionArn": arn,
            "status": "FAILED",
            "error": "EndpointDeploymentFailed",
            "input": json.dumps({"ModelName": "a-model"}),
        }

    def redrive(self, execution: dict[str, Any]) -> bool:
        self.done.append(("redrive", execution["executionArn"]))
        return self.redrivable

    def start_again(self, execution: dict[str, Any], name: str, given: dict[str, Any] | None = None) -> str:
        assert execution["status"] == "FAILED"
        self.given = given
        self.done.append(("start again", name))
        return arns.execution_arn(MACHINE, name)

    def stop(self, arn: str, cause: str) -> None:
        self.done.append(("stop", arn))
        assert "a_dag" in cause


def sensor(hook: FakeHook | None = None, **arguments: Any) -> ExecutionSensor:
    made = ExecutionSensor(
        task_id="wait", execution_arn=ARN, expected_errors=["ModelAccuracyTooLow"], **arguments
    )
    made.__dict__["hook"] = hook or FakeHook()
    return made


def context(try_number: int = 1, max_tries: int = 0, clear_number: int = 0) -> Any:
    xcoms: dict[str, Any] = {}
    ti = SimpleNamespace(
        try_number=try_number,
        max_tries=max_tries,
        xcom_push=lambda key, value: xcoms.__setitem__(key, value),
        xcoms=xcoms,
    )
    run = SimpleNamespace(dag_id=RUN[0], run_id=RUN[1], clear_number=clear_number)
    return {"ti": ti, "dag_run": run}


def event(status: str, **fields: Any) -> dict[str, Any]:
    return {"execution_arn": ARN, "status": status, "ended_before": False, "redriven": False, **fields}


@pytest.mark.parametrize("end", [event("SUCCEEDED"), event("FAILED", error="ModelAccuracyTooLow")])
def test_results_pass(end: dict[str, Any]) -> None:
    sensor().execute_complete(context(), end)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (event("FAILED", error="States.TaskFailed", cause='{"FailureReason": "no space"}'), "no space"),
        (event("TIMED_OUT"), "is TIMED_OUT"),
        (event("ABORTED", cause="by hand"), "by hand"),
        (event("UNKNOWN", cause="AccessDenied"), "AccessDenied"),
    ],
)
def test_failures_fail_with_the_reason(end: dict[str, Any], reason: str) -> None:
    hook = FakeHook()
    with pytest.raises(ExecutionFailedError, match=reason):
        sensor(hook).execute_complete(context(), end)
    assert hook.done == []


def taken_up(hook: FakeHook, told: Any, end: dict[str, Any], **arguments: Any) -> str | None:
    """The execution that is waited for from now on; None when the task failed instead."""
    with pytest.raises((TaskDeferred, ExecutionFailedError)) as raised:
        sensor(hook, retries=2, **arguments).execute_complete(told, end)
    if not isinstance(raised.value, TaskDeferred):
        return None
    trigger = raised.value.trigger
    assert isinstance(trigger, ExecutionTrigger)
    assert trigger.redriven
    return trigger.execution_arn


BEFORE = event("FAILED", ended_before=True)


def test_a_retry_redrives_what_failed() -> None:
    hook = FakeHook()
    assert taken_up(hook, context(try_number=2, max_tries=2), BEFORE) == ARN
    assert hook.done == [("redrive", ARN)]


def test_a_retry_of_what_cannot_be_redriven_starts_anew() -> None:
    hook = FakeHook(redrivable=False)
    told = context(try_number=2, max_tries=2)
    arn = taken_up(hook, told, BEFORE)
    assert arn not in (None, ARN)
    assert told["ti"].xcoms == {"restarted_0": arn}
    assert [what for what, _ in hook.done] == ["redrive", "start again"]
    assert hook.given is None


def test_a_retry_of_what_ended_in_a_fail_state_starts_what_the_dags_author_says() -> None:
    hook = FakeHook()
    arn = taken_up(
        hook,
        context(try_number=2, max_tries=2),
        BEFORE,
        restarts={"EndpointDeploymentFailed": redeployment},
    )
    ((what, name),) = hook.done
    assert (what, arn) == ("start again", arns.execution_arn(MACHINE, name))
    assert hook.given == {"ModelName": "a-model", "Redeploy": True, "EndpointConfigName": name}


@pytest.mark.parametrize(
    ("told", "end"),
    [
        # The first try: an execution that failed within a second has not been retried by anybody.
        (context(try_number=1, max_tries=2), BEFORE),
        # The failure happened while this try waited: reporting it is what makes Airflow retry.
        (context(try_number=2, max_tries=2), event("FAILED")),
        # This try has redriven it already, and it failed again.
        (context(try_number=2, max_tries=2), event("FAILED", ended_before=True, redriven=True)),
        # The whole run was cleared, so that the execution was started since: that is a first try too.
        (
            context(try_number=4, max_tries=5, clear_number=1),
            event(
                "FAILED",
                ended_before=True,
                execution_arn=arns.execution_arn(MACHINE, execution_name(*RUN, 2)),
            ),
        ),
    ],
)
def test_nothing_is_redriven_unasked(told: Any, end: dict[str, Any]) -> None:
    hook = FakeHook()
    assert taken_up(hook, told, end) is None
    assert hook.done == []


def test_clearing_the_wait_alone_takes_the_execution_up() -> None:
    hook = FakeHook()
    assert taken_up(hook, context(try_number=2, max_tries=3, clear_number=1), BEFORE) == ARN


@pytest.mark.parametrize(("stop", "words"), [(True, "it was stopped"), (False, "it goes on")])
def test_out_of_time_is_said_and_stops_the_execution_if_asked_to(stop: bool, words: str) -> None:
    hook = FakeHook()
    # How Airflow resumes a task whose trigger ran out of time.
    timeout = {"error": TriggerFailureReason.TRIGGER_TIMEOUT}
    with pytest.raises(AirflowSensorTimeout, match=words):
        sensor(hook, stop_on_timeout=stop).resume_execution(TRIGGER_FAIL_REPR, timeout, context())
    assert (("stop", ARN) in hook.done) is stop


def test_the_wait_starts_in_the_triggerer() -> None:
    with DAG("d", schedule=None):
        start = StartExecutionOperator(task_id="start", state_machine_arn=MACHINE)
        wait = ExecutionSensor(task_id="wait", execution_arn=start.output)
    assert wait.upstream_task_ids == {"start"}
    assert wait.start_from_trigger
    assert wait.start_trigger_args
    arguments = wait.start_trigger_args.trigger_kwargs
    assert arguments
    assert arguments["execution_arn"] == "{{ ti.xcom_pull(task_ids='start', map_indexes=-1) }}"


@pytest.mark.parametrize(
    ("asked_for", "pulled", "awaited"),
    [
        (ARN, {}, ARN),
        ("{{ params.arn }}", {}, "from params"),
        (ARN, {"restarted_1": "new"}, "new"),
        # Of an attempt that has been cleared since.
        (ARN, {"restarted_0": "old"}, ARN),
    ],
)
def test_the_execution_that_was_waited_for_in_the_end(
    asked_for: str, pulled: dict[str, str], awaited: str
) -> None:
    wait = ExecutionSensor(task_id="wait", execution_arn=asked_for)
    ti = SimpleNamespace(xcom_pull=lambda task_ids, key: pulled.get(key) if task_ids == "wait" else None)
    rendered = Template(wait.awaited_execution).render(
        ti=ti, dag_run={"clear_number": 1}, params={"arn": "from params"}
    )
    assert rendered == awaited


def test_a_trigger_survives_being_moved_to_another_triggerer() -> None:
    trigger = ExecutionTrigger(ARN, "aws", "eu-west-1", ["E"], 5.0, False, True)
    path, arguments = trigger.serialize()
    assert path == "retraining.triggers.execution.ExecutionTrigger"
    assert vars(ExecutionTrigger(**arguments)) == vars(trigger)


@pytest.mark.parametrize(
    ("ended", "success"),
    [
        ({"status": "SUCCEEDED"}, True),
        ({"status": "FAILED", "error": "ModelAccuracyTooLow"}, True),
        ({"status": "FAILED", "error": "States.TaskFailed"}, False),
        ({"status": "ABORTED"}, False),
    ],
)
def test_results_end_the_task_from_the_trigger_and_failures_go_to_a_worker(
    ended: dict[str, Any], success: bool
) -> None:
    trigger = ExecutionTrigger(ARN, None, expected_errors=["ModelAccuracyTooLow"])
    fired = trigger._event(Wait(ARN, ended=ended))
    assert isinstance(fired, TaskSuccessEvent) is success


def test_a_worker_ends_the_task_where_a_plugin_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "retraining.triggers.execution.get_listener_manager", lambda: SimpleNamespace(has_listeners=True)
    )
    fired = ExecutionTrigger(ARN, None)._event(Wait(ARN, ended={"status": "SUCCEEDED"}))
    assert not isinstance(fired, TaskSuccessEvent)
    assert fired.payload["status"] == "SUCCEEDED"


@pytest.mark.parametrize("arn", ["x", "arn:aws:states:r:1:express:m:n:u", MACHINE])
def test_what_is_no_standard_execution_is_refused(arn: str) -> None:
    with pytest.raises(ValueError, match="execution_arn"):
        arns.state_machine_of(arn)


def test_arns_keep_partition_and_region() -> None:
    assert arns.state_machine_of(ARN) == MACHINE
    assert arns.execution_arn(f"{MACHINE}:7", arns.name_of(ARN)) == ARN
    assert (arns.partition_of(ARN), arns.region_of(ARN)) == ("aws-cn", "cn-north-1")


def test_restarted_executions_get_the_new_name_where_they_had_the_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[Any] = []
    hook = StateMachineHook(aws_conn_id=None)
    monkeypatch.setattr(hook, "start_or_adopt", lambda *arguments: started.append(arguments))
    hook.start_again(
        {
            "executionArn": ARN,
            "stateMachineArn": MACHINE,
            "stateMachineVersionArn": f"{MACHINE}:3",
            "input": f'{{"TrainingJobName": "{arns.name_of(ARN)}", "Threshold": 0.1}}',
        },
        "new",
    )
    assert started == [(f"{MACHINE}:3", "new", {"TrainingJobName": "new", "Threshold": 0.1})]
