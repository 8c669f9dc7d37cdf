"""Whatever happens to the task that starts: one execution, one training, until a person asks for another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from include.local_aws.control import Control
from retraining.arns import machine_name
from retraining.execution.name import execution_name, name_before_stacks
from retraining.hooks import state_machine
from retraining.hooks.aws_errors import AwsUnavailableError
from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.execution.trainings import StartTraining, Workflow, workflow
from tests.integration.state_machines import ended

START = "stepfunctions.StartExecution"


@pytest.fixture
def flow(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws, control: Control) -> Iterator[Workflow]:
    connect(monkeypatch, local_aws)
    with workflow(local_aws) as flow:
        yield flow


@pytest.fixture
def run_id() -> str:
    return f"run-{uuid4().hex[:8]}"


def task(flow: Workflow, **given: object) -> StartTraining:
    return StartTraining(
        task_id="start", state_machine_arn=flow.arn, aws_conn_id=CONN_ID, execution_input=given
    )


def execute(flow: Workflow, run_id: str, clear_number: int = 0, **given: object) -> str:
    """Run the task as a worker does, in a process that knows nothing of earlier tries."""
    return task(flow, **given).execute(FakeContext(run_id, clear_number=clear_number))  # type: ignore[arg-type]


def test_a_lost_reply_is_asked_for_again(flow: Workflow, run_id: str, control: Control) -> None:
    control.drop_reply(START)
    arn = execute(flow, run_id)
    assert control.requests().counts[START] == 2
    assert ended(flow.aws, arn)["status"] == "SUCCEEDED"
    assert flow.executions() == [arn]
    assert len(flow.training_jobs(run_id)) == 1


def test_the_second_try_finds_what_the_first_one_started_unknowingly(
    flow: Workflow, run_id: str, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    control.drop_reply(START)
    with pytest.raises(AwsUnavailableError, match="local_aws"):
        execute(flow, run_id)
    (started,) = flow.executions()
    assert execute(flow, run_id) == started
    ended(flow.aws, started)
    assert execute(flow, run_id) == started
    assert flow.executions() == [started]
    assert len(flow.training_jobs(run_id)) == 1


def test_throttling_is_waited_out(flow: Workflow, run_id: str, control: Control) -> None:
    control.fail_call(START, "ThrottlingException", 400, times=2)
    assert flow.executions() == []
    assert [execute(flow, run_id)] == flow.executions()
    assert control.requests().counts[START] == 3


def test_throttling_that_lasts_fails_the_try_and_not_the_task(
    flow: Workflow, run_id: str, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    control.throttle(START, 1)
    # Not AirflowFailException, after which Airflow would not try again.
    with pytest.raises(ClientError, match="Rate exceeded"):
        execute(flow, run_id)
    assert flow.executions() == []
    control.clear_faults()
    assert [execute(flow, run_id)] == flow.executions()


def test_a_worker_that_crashed_after_the_start_has_started_the_only_execution(
    flow: Workflow, run_id: str
) -> None:
    arn = execute(flow, run_id)
    assert execute(flow, run_id) == arn
    assert ended(flow.aws, arn)["status"] == "SUCCEEDED"
    assert execute(flow, run_id) == arn
    assert flow.executions() == [arn]
    assert list(flow.training_jobs(run_id).values()) == ["Completed"]


def test_another_input_under_the_same_name_is_an_error_that_shows_the_difference(
    flow: Workflow, run_id: str
) -> None:
    execute(flow, run_id, Threshold=0.1, Same=1, Gone="x")
    with pytest.raises(AirflowFailException) as failure:
        execute(flow, run_id, Threshold=0.2, Same=1, New=[1])
    assert "Threshold: 0.1 there, 0.2 here" in str(failure.value)
    assert "Gone: 'x' there, None here" in str(failure.value)
    assert "New: None there, [1] here" in str(failure.value)
    assert "Same" not in str(failure.value)
    assert len(flow.executions()) == 1


def test_a_run_cleared_after_it_ended_trains_again_under_a_new_name(flow: Workflow, run_id: str) -> None:
    first = execute(flow, run_id)
    ended(flow.aws, first)
    second = execute(flow, run_id, clear_number=1)
    assert second != first
    ended(flow.aws, second)
    assert len(flow.training_jobs(run_id)) == 2
    assert execute(flow, run_id, clear_number=1) == second


@pytest.fixture(autouse=True)
def _seen_soon(monkeypatch: pytest.MonkeyPatch, lag: float) -> None:
    """Reads are behind by no more than a test lets them; the wait for what never began ends then."""
    monkeypatch.setattr(state_machine, "SEEN_SECONDS", lag + 4)


def test_a_run_cleared_while_an_earlier_attempt_runs_stops_it_and_trains_anew(
    flow: Workflow, run_id: str, control: Control
) -> None:
    control.delay_job("glue", flow.glue_job, 600)
    first = execute(flow, run_id)
    third = execute(flow, run_id, clear_number=2)
    assert flow.executions("RUNNING") == [third]
    stopped = flow.describe(first)
    assert (stopped["status"], run_id in stopped["cause"]) == ("ABORTED", True)
    assert execute(flow, run_id, clear_number=2) == third


def test_a_killed_start_stops_the_execution_and_its_training_and_a_retry_takes_them_up(
    flow: Workflow, run_id: str, control: Control
) -> None:
    control.delay_job("sagemaker", "flight-delay-retraining-*", 600, times=1)
    operator = task(flow)
    arn = operator.execute(FakeContext(run_id))  # type: ignore[arg-type]
    job = until(lambda: next(iter(flow.training_jobs(run_id)), None))

    operator.on_kill()

    killed = flow.describe(arn)
    assert killed["status"] == "ABORTED"
    assert f"flight_delay_retraining / {run_id}, task start" in killed["cause"]
    until(lambda: flow.training_jobs(run_id)[job] == "Stopped")

    # A worker that shuts down kills its tasks, and Airflow tries them again.
    control.drop_reply("stepfunctions.RedriveExecution")
    assert execute(flow, run_id) == arn
    found = ended(flow.aws, arn)
    assert (found["status"], found["redriveCount"]) == ("SUCCEEDED", 1)
    assert flow.executions() == [arn]
    assert flow.glue_runs() == ["SUCCEEDED"]
    assert sorted(flow.training_jobs(run_id).values()) == ["Completed", "Stopped"]


def test_a_start_killed_before_its_reply_came_stops_what_it_has_started(
    flow: Workflow, run_id: str, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    control.delay_job("glue", flow.glue_job, 600)
    control.drop_reply(START)
    operator = task(flow)
    with pytest.raises(AwsUnavailableError):
        operator.execute(FakeContext(run_id))  # type: ignore[arg-type]
    operator.on_kill()
    assert [flow.describe(arn)["status"] for arn in flow.executions()] == ["ABORTED"]
    until(lambda: flow.glue_runs() in ([], ["STOPPED"]))


def test_a_start_killed_before_it_started_anything_has_nothing_to_stop(
    flow: Workflow, run_id: str, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    control.fail_call(START, "InternalFailure")
    operator = task(flow)
    operator.on_kill()
    with pytest.raises(ClientError, match="InternalFailure"):
        operator.execute(FakeContext(run_id))  # type: ignore[arg-type]
    operator.on_kill()
    assert flow.executions() == []


def test_what_a_person_stopped_stays_stopped(flow: Workflow, run_id: str, control: Control) -> None:
    control.delay_job("glue", flow.glue_job, 600)
    arn = execute(flow, run_id)
    flow.aws.client("stepfunctions").stop_execution(executionArn=arn, cause="wrong data")
    assert execute(flow, run_id) == arn
    found = flow.describe(arn)
    assert (found["status"], found["redriveCount"]) == ("ABORTED", 0)
    assert arn.endswith(
        execution_name("flight_delay_retraining", run_id, state_machine=machine_name(flow.arn))
    )


def test_a_retry_after_an_upgrade_finds_what_began_under_the_name_of_before(
    flow: Workflow, run_id: str
) -> None:
    before = name_before_stacks("flight_delay_retraining", run_id)
    given = {"TrainingJobName": before, "Threshold": 0.1}
    began = flow.aws.client("stepfunctions").start_execution(
        stateMachineArn=flow.arn, name=before, input=json.dumps(given)
    )["executionArn"]
    again = task(flow, Threshold=0.1)
    # An upgrade takes longer than reads are behind.
    until(lambda: again.hook.find(began))
    assert again.execute(FakeContext(run_id, try_number=2)) == began  # type: ignore[arg-type]
    assert flow.executions() == [began]


def test_each_mapped_start_and_each_of_several_in_a_dag_has_an_execution_of_its_own(
    flow: Workflow, run_id: str
) -> None:
    def mapped(index: int) -> str:
        context = FakeContext(run_id)
        context["ti"].map_index = index
        return task(flow).execute(context)  # type: ignore[arg-type]

    with DAG("flight_delay_retraining", schedule=None):
        starts = [
            StartTraining(task_id=name, state_machine_arn=flow.arn, aws_conn_id=CONN_ID)
            for name in ("one", "two")
        ]
    arns = [mapped(0), mapped(1), *(start.execute(FakeContext(run_id)) for start in starts)]  # type: ignore[arg-type]
    assert sorted(flow.executions()) == sorted(set(arns))
    assert len(set(arns)) == 4
    assert mapped(1) == arns[1]


def test_another_airflows_run_of_the_same_name_is_refused_and_not_adopted(
    flow: Workflow, run_id: str
) -> None:
    def start(second: int, dag_version: str = "ours") -> str:
        began = datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)
        context = FakeContext(run_id, started=began, dag_version=dag_version)
        return task(flow).execute(context)  # type: ignore[arg-type]

    arn = start(1)
    assert start(1) == arn
    # The DAG has changed between two tries.
    assert start(1, "ours, newer") == arn
    with pytest.raises(AirflowFailException, match=r"another DAG run[^\0]*RunStarted: .*:01.*:02"):
        start(2)
    assert flow.executions() == [arn]


def test_a_clear_stops_an_earlier_attempt_that_aws_does_not_show_yet(
    flow: Workflow, run_id: str, control: Control
) -> None:
    control.delay_job("glue", flow.glue_job, 600)
    first = execute(flow, run_id)
    control.lag("stepfunctions.DescribeExecution", 3)
    second = execute(flow, run_id, clear_number=1)
    assert flow.executions("RUNNING") == [second]
    until(lambda: flow.describe(first)["status"] == "ABORTED")


def test_an_ended_execution_that_is_still_seen_running_or_not_at_all_is_adopted_as_it_is(
    flow: Workflow, run_id: str, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    control.delay_job("sagemaker", "flight-delay-retraining-*", 600, times=1)
    operator = task(flow)
    control.lag("stepfunctions.Describe*", 3)
    arn = until(lambda: _started(operator, run_id), 10)
    # Killed by a worker that shuts down; its retry comes before AWS tells of the execution at all.
    operator.on_kill()
    assert execute(flow, run_id) == arn
    control.clear_faults()
    assert ended(flow.aws, arn)["redriveCount"] == 1


def _started(operator: StartTraining, run_id: str) -> str | None:
    try:
        return operator.execute(FakeContext(run_id))  # type: ignore[arg-type]
    except ClientError as error:
        if "State Machine Does Not Exist" not in str(error):
            raise
        return None


def test_a_finished_run_that_is_cleared_stops_its_own_execution_and_no_other_airflows(
    flow: Workflow, run_id: str, control: Control
) -> None:
    control.delay_job("glue", flow.glue_job, 600)

    def start(second: int, attempt: int, dag_version: str) -> str:
        began = datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)
        context = FakeContext(run_id, started=began, dag_version=dag_version, clear_number=attempt - 1)
        return task(flow).execute(context)  # type: ignore[arg-type]

    first = start(1, 1, "ours")
    with pytest.raises(
        AirflowFailException, match=rf"{first} is running, and was started by another DAG run"
    ):
        start(2, 2, "theirs")
    assert flow.describe(first)["status"] == "RUNNING"
    second = start(2, 2, "ours")
    assert flow.describe(first)["status"] == "ABORTED"
    assert flow.executions("RUNNING") == [second]
