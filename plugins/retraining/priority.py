"""Which of a model's runs goes first when there is no room for all."""

from __future__ import annotations

from typing import Any

from airflow.task.priority_strategy import PriorityWeightStrategy

from retraining.airflow_internals import BACKFILL

# Above any sum of weights that a DAG of Airflow's default weight, 1 a task, comes to.
AHEAD = 10_000


class BackfillsLast(PriorityWeightStrategy):
    """Tasks of scheduled and manual runs come before those of backfills.

    Among runs of one kind, Airflow's order of logical dates decides. ``retraining_plugin.py`` registers it;
    operators take it by name, ``weight_rule="retraining.priority.BackfillsLast"``: DAG files import nothing.
    """

    def get_weight(self, ti: Any) -> int:
        """Give the task's own weight, and a great deal more outside of backfills."""
        weight = ti.task.priority_weight if ti.task else 1
        return weight if ti.run_id.startswith(BACKFILL) else AHEAD + weight
