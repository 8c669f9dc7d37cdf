"""Reports what came of a rollback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from retraining.sensors.gate import AccuracyGateSensor

if TYPE_CHECKING:
    from airflow.sdk import Context


class RollbackReportSensor(AccuracyGateSensor):
    """Read a rollback's outcome and return the report, with ``replaced_model`` in it.

    A rollback that failed fails the task; the endpoint then serves what it served before.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Give the report and say from which model to which the endpoint went."""
        report = super().execute(context)
        given = json.loads(self.hook.describe_execution(report["execution_arn"])["input"])
        replaced = given.get("ReplacedModel")
        self.log.info(
            "%s serves %s now, and served %s before",
            report["endpoint"],
            report["model_name"],
            replaced or "nothing",
        )
        return {**report, "replaced_model": replaced}
