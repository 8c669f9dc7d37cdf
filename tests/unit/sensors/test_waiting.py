"""What the wait task makes of an execution's end: results pass, failures fail, retries take up the work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.sdk import DAG, task_group
from airflow.sdk.bases.operator import TRIGGER_FAIL_REPR, TriggerFailureReason
from airflow.sdk.definitions.xcom_arg import PlainXComArg
from airflow.sdk.exceptions import AirflowSensorTimeout, TaskDeferred
from airflow.triggers.base import TaskSuccessEvent
from jinja2 import Environment
from jinja2.nativetypes import NativeEnvironment
from jinja2.sandbox import SandboxedEnvironment

from retraining import arns
from retraining.execution.causes import explain_cause, kill_cause
from retraining.execution.name import execution_name
from retraining.hooks.state_machine import StateMachineHook
from retraining.operators.start_execution import StartExecutionOperator
from retraining.sensors.execution import ExecutionFailedError, ExecutionSensor
from retraining.triggers.execution import ExecutionTrigger
from retraining.triggers.wait import Wait

MACHINE = "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:m"
RUN = ("a_dag", "manual__1")
ARN = arns.execution_arn(MACHINE, execution_name(*RUN, state_machine="m"))


class FakeHook:
    """Records what the sensor asks of AWS."""

    def __init__(self, *, redrivable: bool = True, **described: Any) -> None:
        self.redrivable = redrivable
        self.described = described
        self.done: list[tuple[str, str]] = []

    explain = staticmethod(explain_cause)

    def describe(self, arn: str) -> dict[str, Any]:
        return {
            "executionArn": arn,
            "status": "FAILED",
            "error": "EndpointDeploymentFailed",
            **self.described,
        }

    def redrive(self, execution: dict[str, Any]) -> bool:
        self.done.append(("redrive", execution["executionArn"]))
        return self.redrivable

    def start_again(self, execution: dict[str, Any], name: str) -> str:
        assert execution["status"] == "FAILED"
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


def context(
    try_number: int = 1, max_tries: int = 0, clear_number: int = 0, waited_before: str | None = None
) -> Any:
    xcoms: dict[str, Any] = {}
    if waited_before:
        xcoms["waited_for_by"] = {"1/7": {"copy": "c", "execution_arn": waited_before}}
    ti = SimpleNamespace(
        try_number=try_number,
        max_tries=max_tries,
        task_id="wait",
        map_index=-1,
        start_date=datetime.now(UTC) - timedelta(seconds=100),
        xcom_pull=lambda key, **_: xcoms.get(key),
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
    assert told["ti"].xcoms == {f"restarted_{arns.name_of(ARN)}": arn}
    assert [what for what, _ in hook.done] == ["redrive", "start again"]


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
            context(try_number=4, max_tries=5, clear_number=1, waited_before=ARN),
            event(
                "FAILED",
                ended_before=True,
                execution_arn=arns.execution_arn(MACHINE, execution_name(*RUN, 2, state_machine="m")),
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
    told = context(try_number=2, max_tries=3, clear_number=1, waited_before=ARN)
    assert taken_up(hook, told, BEFORE) == ARN
    assert hook.done == [("redrive", ARN)]


def test_a_clear_that_stops_the_execution_only_after_the_new_wait_began_loses_nothing() -> None:
    hook = FakeHook()
    told = context(try_number=2, max_tries=3, clear_number=1, waited_before=ARN)
    assert taken_up(hook, told, event("ABORTED", cause=kill_cause(*RUN, "wait"))) == ARN
    assert hook.done == [("redrive", ARN)]


@pytest.mark.parametrize(
    ("described", "seen", "expected", "redrives"),
    [
        ({}, 0, 1, True),
        ({"redriveCount": 1}, 1, 2, True),
        # As it was before its last redrive.
        ({"redriveCount": 0}, 1, 2, True),
        ({"redriveCount": 0, "status": "RUNNING"}, 1, 2, True),
        # Somebody was faster.
        ({"redriveCount": 2, "status": "RUNNING"}, 1, 2, False),
    ],
)
def test_the_wait_after_a_redrive_knows_its_number(
    described: dict[str, Any], seen: int, expected: int, redrives: bool
) -> None:
    hook = FakeHook(**described)
    with pytest.raises(TaskDeferred) as raised:
        sensor(hook, retries=2).execute_complete(
            context(try_number=2, max_tries=2), {**BEFORE, "redrive_count": seen}
        )
    trigger = raised.value.trigger
    assert isinstance(trigger, ExecutionTrigger)
    assert trigger.redrive_count == expected
    assert hook.done == ([("redrive", ARN)] if redrives else [])


def test_a_wait_that_is_killed_on_a_worker_stops_what_it_has_taken_up() -> None:
    hook = FakeHook()
    killed = sensor(hook, retries=2)
    killed.on_kill()
    assert hook.done == []
    with pytest.raises(TaskDeferred):
        killed.execute_complete(context(try_number=2, max_tries=2), BEFORE)
    killed.on_kill()
    assert hook.done == [("redrive", ARN), ("stop", ARN)]


def deferred(**arguments: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as raised:
        sensor(**arguments).execute(context())
    return raised.value


def test_execution_timeout_holds_where_the_wait_begins_on_a_worker() -> None:
    left = deferred(execution_timeout=timedelta(seconds=160)).timeout
    assert left
    assert 50 < left.total_seconds() <= 60
    assert deferred(timeout=30, execution_timeout=timedelta(seconds=160)).timeout == timedelta(seconds=30)
    assert deferred(timeout=30).timeout == timedelta(seconds=30)


def test_execution_timeout_holds_after_a_redrive() -> None:
    with pytest.raises(TaskDeferred) as raised:
        sensor(retries=2, execution_timeout=timedelta(seconds=160)).execute_complete(
            context(try_number=2, max_tries=2), BEFORE
        )
    assert raised.value.timeout
    assert raised.value.timeout.total_seconds() <= 60


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
        ("{{ params.arn }}", {}, "arn:p:1"),
        (MACHINE + ":{{ params.name }}-{{ params.number }}", {}, f"{MACHINE}:n-3"),
        # Whatever was cleared since, as long as it is the same execution that was asked for.
        ("{{ params.arn }}", {"restarted_1": "new"}, "new"),
        ("{{ params.arn }}", {"restarted_0": "of another attempt"}, "arn:p:1"),
    ],
)
@pytest.mark.parametrize("environment", [SandboxedEnvironment(), NativeEnvironment()])
def test_the_execution_that_was_waited_for_in_the_end(
    asked_for: str, pulled: dict[str, str], awaited: str, environment: Environment
) -> None:
    wait = ExecutionSensor(task_id="wait", execution_arn=asked_for)
    ti = SimpleNamespace(
        xcom_pull=lambda task_ids, key, map_indexes: (
            pulled.get(key) if (task_ids, map_indexes) == ("wait", -1) else None
        )
    )
    params = {"arn": "arn:p:1", "name": "n", "number": 3}
    assert environment.from_string(wait.awaited_execution).render(ti=ti, params=params) == awaited


def start_kwargs(wait: ExecutionSensor) -> dict[str, Any]:
    assert wait.start_trigger_args
    return wait.start_trigger_args.trigger_kwargs or {}


def test_what_is_said_about_the_connection_reaches_the_triggerer() -> None:
    said: dict[str, Any] = {
        "aws_conn_id": "c",
        "region_name": "r",
        "verify": "ca.pem",
        "botocore_config": {"retries": {}},
    }
    wait = ExecutionSensor(task_id="wait", execution_arn=ARN, **said)
    assert {name: start_kwargs(wait)[name] for name in said} == said
    given = deferred(**said).trigger
    assert isinstance(given, ExecutionTrigger)
    assert {name: getattr(given, name) for name in said} == said


def test_waits_that_say_different_things_about_the_connection_do_not_share_a_poller() -> None:
    said: list[dict[str, Any]] = [{}, {"verify": False}, {"botocore_config": {"read_timeout": 3}}]
    assert len({ExecutionTrigger(ARN, "aws", **about)._key for about in said}) == len(said)


def test_a_template_is_carried_whole() -> None:
    template = MACHINE + ":{{ run_id }}"
    assert start_kwargs(ExecutionSensor(task_id="w", execution_arn=template))["execution_arn"] == template


@pytest.mark.parametrize(
    ("template", "starts_in_triggerer"),
    [
        ("{{ ti.xcom_pull(task_ids='start') }}", False),
        ("{{ ti.xcom_pull(task_ids='start', map_indexes=-1) }}", True),
    ],
)
def test_what_a_triggerer_cannot_render_is_rendered_on_a_worker(
    template: str, starts_in_triggerer: bool
) -> None:
    wait = ExecutionSensor(task_id="w", execution_arn=template)
    assert wait.start_from_trigger is starts_in_triggerer


def test_an_indexed_xcom_is_carried_whole() -> None:
    with DAG("d", schedule=None):
        start = StartExecutionOperator(task_id="start", state_machine_arn=MACHINE)
        wait = ExecutionSensor(task_id="wait", execution_arn=cast("PlainXComArg", start.output)["arn"])
    arn = "{{ ti.xcom_pull(task_ids='start', key='arn', map_indexes=-1) }}"
    assert start_kwargs(wait)["execution_arn"] == arn
    assert arn in wait.awaited_execution
    assert wait.upstream_task_ids == {"start"}


def test_an_xcom_that_is_not_one_arn_is_refused_with_what_to_do() -> None:
    with DAG("d", schedule=None):
        start = StartExecutionOperator(task_id="start", state_machine_arn=MACHINE)
        many = StartExecutionOperator.partial(task_id="many").expand(state_machine_arn=[MACHINE])
        with pytest.raises(ValueError, match=r"execution_arn: .* return the ARN from a task"):
            ExecutionSensor(task_id="a", execution_arn=start.output.map(str))
        with pytest.raises(ValueError, match=r"execution_arn: .*'many' is mapped; .*expand"):
            ExecutionSensor(task_id="b", execution_arn=many.output)
        mapped = ExecutionSensor.partial(task_id="c").expand(execution_arn=many.output)
    assert mapped.task_id == "c"


def test_in_a_mapped_task_group_each_waits_for_its_own() -> None:
    with DAG("d", schedule=None):

        @task_group
        def retrain(arn: str) -> None:
            start = StartExecutionOperator(task_id="start", state_machine_arn=arn)
            wait = ExecutionSensor(task_id="wait", execution_arn=start.output)
            own = "{{ ti.xcom_pull(task_ids='retrain.start', map_indexes=ti.map_index) }}"
            assert start_kwargs(wait)["execution_arn"] == own
            assert wait.start_from_trigger
            assert wait.awaited_execution.count("map_indexes=ti.map_index") == 2
            starts.append(start)

        starts: list[StartExecutionOperator] = []
        retrain.expand(arn=[MACHINE, MACHINE])
        with pytest.raises(
            ValueError, match=r"execution_arn: .*mapped task group 'retrain'; .*in that group"
        ):
            ExecutionSensor(task_id="outside", execution_arn=starts[0].output)


def test_a_trigger_survives_being_moved_to_another_triggerer() -> None:
    trigger = ExecutionTrigger(
        ARN, "aws", "eu-west-1", ["E"], 5.0, False, True, 2, "ca.pem", {"read_timeout": 3}
    )
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


def test_a_failures_cause_is_one_that_every_database_stores() -> None:
    """A triggerer that cannot store an event stops."""
    ended = {"status": "FAILED", "error": "States.TaskFailed", "cause": "no\0space"}
    fired = ExecutionTrigger(ARN, None)._event(Wait(ARN, ended=ended))
    assert fired.payload["cause"] == "no\N{REPLACEMENT CHARACTER}space"


def test_a_worker_ends_the_task_where_a_plugin_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retraining.airflow_internals.somebody_listens", lambda: True)
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
