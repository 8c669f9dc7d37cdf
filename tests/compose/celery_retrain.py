"""docker-compose.yml for real: every service, two Celery workers, and one of them lost in mid-run.

`make test-compose` runs it. Its name keeps it out of the other test runs: it needs root, and minutes.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from retraining.execution.name import execution_name
from scripts.airflow_client import AirflowClient, ApiError
from tests.compose.engine import CommandError, Engine, run
from tests.compose.stack import PROJECT, ComposeStack
from tests.e2e.waiting import wait_until

log = logging.getLogger(__name__)

DAG = "flight_delay_retraining"
MACHINE = "model-retraining-flight_delay"
STARTING = "start_execution"
SECRETS = re.findall(r"^(\w+)=$", (PROJECT / ".env.example").read_text(), re.MULTILINE)
RUN_SECONDS = 300


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("missing", SECRETS)
def test_nothing_starts_without_its_secrets(project: Path, missing: str) -> None:
    run(["make", "env"], cwd=project)
    env = project / ".env"
    env.write_text(re.sub(rf"^{missing}=.*$", f"{missing}=", env.read_text(), flags=re.MULTILINE))
    with pytest.raises(CommandError, match=f"{missing} is missing; run `make env`"):
        run(["docker-compose", "config"], cwd=project)


@pytest.mark.usefixtures("programs")
def test_production_has_the_connection_of_env_and_no_embedded_aws(project: Path) -> None:
    run(["make", "env"], cwd=project)
    env = project / ".env"
    env.write_text(env.read_text().replace("#AIRFLOW_CONN_AWS_DEFAULT=", "AIRFLOW_CONN_AWS_DEFAULT="))
    services = yaml.safe_load(run(["docker-compose", "config"], cwd=project))["services"]
    connection = json.loads(services["worker"]["environment"]["AIRFLOW_CONN_AWS_DEFAULT"])
    assert connection["extra"]["region_name"] == "eu-central-1"
    assert {name for name, service in services.items() if "profiles" in service} == {"aws", "aws-connection"}


def test_secrets_are_made_once_and_for_each_clone_anew(project: Path) -> None:
    run(["make", "env"], cwd=project)
    env = project / ".env"
    made = re.findall(r"^(\w+)=(.{20,})$", env.read_text(), re.MULTILINE)
    assert [name for name, _ in made if name in SECRETS] == SECRETS
    assert len({value for _, value in made}) == len(made)
    assert env.stat().st_mode & 0o077 == 0
    first = env.read_text()
    run(["make", "env"], cwd=project)
    assert env.read_text() == first
    env.unlink()
    run(["make", "env"], cwd=project)
    again = dict(re.findall(r"^(\w+)=(.{20,})$", env.read_text(), re.MULTILINE))
    assert not {again[name] for name in SECRETS} & {value for _, value in made}


def test_only_the_api_server_is_reached_and_from_this_machine_only(stack: ComposeStack) -> None:
    ports = stack.published_ports()
    assert list(ports) == ["api-server"]
    assert ports["api-server"].startswith("127.0.0.1:")


def test_nobody_gets_in_without_the_password(stack: ComposeStack) -> None:
    url = stack.client().url
    with pytest.raises(ApiError, match="HTTP 401: Invalid credentials"):
        AirflowClient(url, "admin")
    with pytest.raises(ApiError, match="HTTP 403: Invalid JWT token"):
        AirflowClient(url, token="made-up").dags()  # noqa: S106


def test_a_retrain_whose_worker_is_lost_happens_once(stack: ComposeStack) -> None:
    client = stack.client()
    assert not (errors := client.import_errors()), errors[0]["stack_trace"]
    # The execution begins, and the worker hears nothing of it.
    stack.in_aws("control.delay_reply('stepfunctions.StartExecution', 600, times=1)")
    client.pause(DAG, False)
    scheduled = wait_until(
        lambda: client.runs(DAG, run_type="scheduled"), timeout_s=60, what="the schedule's first run"
    )
    run_id = scheduled[0]["dag_run_id"]
    wait_until(lambda: executions(stack, run_id), timeout_s=RUN_SECONDS, what="the execution's begin")
    task = client.task_instances(DAG, run_id)[STARTING]
    assert task["state"] == "running"
    workers = {worker["Config"]["Hostname"]: worker["Id"] for worker in stack.containers("worker")}
    assert len(workers) == 2
    log.info("killing worker %s, which runs %s", task["hostname"], STARTING)
    stack.kill(workers[task["hostname"]])
    killed = datetime.now(UTC)

    try:
        ended = client.wait_for_run(DAG, run_id, timeout_s=RUN_SECONDS)
    except TimeoutError as error:
        pytest.fail(f"{error}\n{stack.logs()}")
    tasks = client.task_instances(DAG, run_id)
    assert ended["state"] == "success", tasks
    assert (tasks[STARTING]["try_number"], tasks[STARTING]["hostname"] in workers) == (2, True)
    assert tasks[STARTING]["hostname"] != task["hostname"]
    # Noticed after docker-compose.yml's 60 seconds, not after Airflow's own 300.
    assert datetime.fromisoformat(tasks[STARTING]["start_date"]) - killed < timedelta(seconds=240)
    assert [execution["status"] for execution in executions(stack, run_id)] == ["SUCCEEDED"]
    assert [job["TrainingJobStatus"] for job in training_jobs(stack, run_id)] == ["Completed"]
    report = client.xcom(DAG, run_id, "accuracy_gate")
    assert report["outcome"] == "deployed"
    events = [event for event in client.asset_events() if event["source_run_id"] == run_id]
    assert [event["extra"]["outcome"] for event in events if "reports" in event["uri"]] == ["deployed"]
    # The lost worker's log is still there.
    assert "Worker startup" in client.log(DAG, run_id, STARTING, try_number=1)


def test_down_leaves_nothing(stack: ComposeStack, engine: Engine) -> None:
    stack.compose("down", "--volumes", "--timeout", "10")
    assert engine.docker("ps", "--all", "--quiet") == ""
    assert engine.docker("volume", "ls", "--quiet") == ""
    assert sorted(engine.docker("network", "ls", "--format", "{{.Name}}").split()) == ["host", "none"]


def names(run_id: str) -> list[str]:
    """Names of the run's executions, of which there shall be one."""
    return [execution_name(DAG, run_id, attempt, state_machine=MACHINE) for attempt in range(1, 4)]


def executions(stack: ComposeStack, run_id: str) -> list[dict[str, Any]]:
    """The run's executions."""
    found = stack.in_aws(
        "states = client('stepfunctions')\n"
        "machines = states.list_state_machines()['stateMachines']\n"
        "answer = [one for machine in machines\n"
        "    for one in states.list_executions(stateMachineArn=machine['stateMachineArn'])['executions']]"
    )
    return [one for one in found if one["name"] in names(run_id)]


def training_jobs(stack: ComposeStack, run_id: str) -> list[dict[str, Any]]:
    """The run's training jobs."""
    found = stack.in_aws(
        "answer = client('sagemaker').list_training_jobs(MaxResults=100)['TrainingJobSummaries']"
    )
    return [one for one in found if one["TrainingJobName"].startswith(tuple(names(run_id)))]
