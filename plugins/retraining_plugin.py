"""The Airflow plugin: registers what Airflow has to know by name."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from retraining.priority import BackfillsLast


class RetrainingPlugin(AirflowPlugin):
    """What the retraining library adds to Airflow."""

    name = "retraining"
    priority_weight_strategies = [BackfillsLast]  # noqa: RUF012 - as Airflow declares it
