"""The same retrain in the Amazon provider's own parts, at their best settings: what ours is measured against.

There is no stock operator that creates or updates a state machine, and none that reads what came of an
execution; both are plain tasks here, with as few AWS calls as they can do with. The benchmark puts this file
into its DAGs folder once for each way of waiting, with ``stock_flow.json`` beside it: definition, ARNs and
names, which ours finds out at run time.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.amazon.aws.hooks.step_function import StepFunctionHook
from airflow.providers.amazon.aws.operators.step_function import StepFunctionStartExecutionOperator
from airflow.providers.amazon.aws.sensors.step_function import StepFunctionExecutionSensor
from airflow.sdk import DAG, CronDataIntervalTimetable, Param, task

SETTINGS = Path(__file__).with_name("stock_flow.json")
DEFERRABLE = Path(__file__).stem.endswith("_deferrable")
POLL_SECONDS = 1
CONNECTION = "aws_default"


@task
def deploy_workflow(**context: Any) -> dict[str, Any]:
    """Update the state machine if its definition is another one; give its ARN and the execution's input."""
    params, run = context["params"], context["dag_run"]
    settings = json.loads(SETTINGS.read_text())
    client: Any = StepFunctionHook(aws_conn_id=CONNECTION).conn
    found = client.describe_state_machine(stateMachineArn=settings["state_machine"])
    if json.loads(found["definition"]) != settings["definition"]:
        client.update_state_machine(
            stateMachineArn=settings["state_machine"], definition=json.dumps(settings["definition"])
        )
    name = re.sub("[^A-Za-z0-9]+", "-", f"{Path(__file__).stem}-{run.run_id}")[:60].strip("-")
    end = _moment(params["window_end"]) or run.data_interval_end
    moments = {
        "WindowStart": _moment(params["window_start"]) or end - timedelta(days=params["window_days"]),
        "ValidationStart": end - timedelta(days=7),
        "WindowEnd": end,
    }
    given = {
        **settings["input"],
        "TrainingJobName": name,
        "ModelName": name,
        "EndpointName": params["endpoint"],
        "Threshold": params["threshold"],
        "DeployPolicy": params["deploy_policy"],
        "TrainingInstanceType": params["training_instance_type"],
        "Hyperparameters": {**settings["input"]["Hyperparameters"], **params["hyperparameters"]},
        **{key: f"{moment:%Y-%m-%dT%H:%M:%SZ}" for key, moment in moments.items()},
    }
    return {"state_machine": settings["state_machine"], "name": name, "input": given}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@task
def read_report(execution_arn: str) -> dict[str, Any]:
    """Read what the execution came to, as ours reports it."""
    client: Any = StepFunctionHook(aws_conn_id=CONNECTION).conn
    execution = client.describe_execution(executionArn=execution_arn)
    pages = client.get_paginator("get_execution_history").paginate(executionArn=execution_arn)
    entered: dict[str, Any] = {}
    durations: dict[str, float] = {}
    metrics: dict[str, Any] = {}
    for event in (event for page in pages for event in page["events"]):
        if details := event.get("stateEnteredEventDetails"):
            entered[details["name"]] = event["timestamp"]
        elif details := event.get("stateExitedEventDetails"):
            name = details["name"]
            spent = (event["timestamp"] - entered[name]).total_seconds()
            durations[name] = durations.get(name, 0) + spent
            if name == "Read metrics":
                metrics = json.loads(details["output"])["Metrics"]["Payload"]["Metrics"]
    return {
        "outcome": json.loads(execution["output"])["Outcome"],
        "value": metrics.get("validation:error"),
        "execution_arn": execution_arn,
        "durations": durations,
    }


with DAG(
    dag_id=Path(__file__).stem,
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    catchup=False,
    params={
        "threshold": Param(0.1, type="number", minimum=0, maximum=1),
        "window_start": Param(None, type=["null", "string"], format="date-time"),
        "window_days": Param(28, type="integer", minimum=8, maximum=366),
        "window_end": Param(None, type=["null", "string"], format="date-time"),
        "deploy_policy": Param("force", enum=["never", "force"]),
        "endpoint": Param("flight-delay", type="string", pattern="^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$"),
        "training_instance_type": Param("ml.m5.xlarge", type="string", pattern="^ml[.]"),
        "hyperparameters": Param({}, type="object"),
    },
):
    deployed: Any = deploy_workflow()
    start = StepFunctionStartExecutionOperator(
        task_id="start_execution",
        aws_conn_id=CONNECTION,
        state_machine_arn=deployed["state_machine"],
        name=deployed["name"],
        state_machine_input=deployed["input"],
        deferrable=DEFERRABLE,
        waiter_delay=POLL_SECONDS,
        waiter_max_attempts=3600,
    )
    execution_arn: Any = start.output
    report = read_report(execution_arn)
    if not DEFERRABLE:
        wait = StepFunctionExecutionSensor(
            task_id="wait_for_execution",
            aws_conn_id=CONNECTION,
            execution_arn=execution_arn,
            mode="poke",
            poke_interval=POLL_SECONDS,
        )
        wait >> report
