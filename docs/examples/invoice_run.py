"""A DAG of one's own on a state machine of one's own: start, wait without a worker, go on.

Copy it into the dags folder and name a state machine; nothing else of this project is needed.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable, task

from retraining.operators.start_execution import StartExecutionOperator
from retraining.sensors.execution import ExecutionSensor

STATE_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:invoices"

with DAG(
    dag_id="invoice_run",
    schedule=CronDataIntervalTimetable("0 2 * * *", timezone="UTC"),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
):
    start = StartExecutionOperator(
        task_id="start",
        state_machine_arn=STATE_MACHINE,
        execution_input={"Day": "{{ data_interval_start | ds }}"},
    )
    wait = ExecutionSensor(
        task_id="wait",
        execution_arn=start.output,
        # An execution that found nothing to do fails with this error; that is a result, not a breakdown.
        expected_errors=["NothingToInvoice"],
        execution_timeout=timedelta(hours=6),
        stop_on_timeout=True,
    )

    @task
    def announce(execution_arn: str) -> None:
        """Say that the invoices are there."""
        print(f"invoices are written: {execution_arn}")

    wait >> announce(start.output)  # type: ignore[arg-type]
