"""The DAG that stands in the rule's place: the same state machine, an execution for each hour, waited for."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable

from retraining.operators.start_execution import StartExecutionOperator
from retraining.sensors.execution import ExecutionSensor

STATE_MACHINE = os.environ.get(
    "ARTICLE_STATE_MACHINE", "arn:aws:states:us-east-1:123456789012:stateMachine:flights-article"
)
NAME = STATE_MACHINE.rpartition(":")[2]
# A cleared run trains again, and SageMaker takes a training job's name once.
MODEL = "flights-{{ data_interval_end | ts_nodash }}-{{ dag_run.clear_number }}"

with DAG(
    dag_id="hourly_retraining",
    schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
    start_date=datetime(2013, 3, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
):
    start = StartExecutionOperator(
        task_id="start",
        state_machine_arn=STATE_MACHINE,
        execution_input={
            "TrainingJobName": MODEL,
            "GlueJobName": NAME,
            "ModelName": MODEL,
            "EndpointName": NAME,
            "LambdaFunctionName": NAME,
            "WindowEnd": "{{ data_interval_end.strftime('%Y-%m-%dT%H:%M:%SZ') }}",
        },
    )
    wait = ExecutionSensor(
        task_id="wait",
        execution_arn=start.output,
        # A model that is not good enough is a result, not a breakdown.
        expected_errors=["ModelAccuracyTooLow"],
    )
    start >> wait
