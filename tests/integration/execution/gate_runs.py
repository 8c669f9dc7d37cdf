"""Whole retrains, started and judged by the library's operators, without Airflow's own processes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from retraining.execution.streak import Judged
from retraining.execution.window import iso
from retraining.operators.deploy_workflow import DeployWorkflowOperator
from retraining.operators.start_retrain import StartRetrainOperator
from retraining.sensors.gate import AccuracyGateSensor
from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.embedded_aws import LocalAws

CLEAR_DAY = datetime(2013, 9, 27, tzinfo=UTC)


@dataclass(frozen=True)
class Retrainer:
    """Retrains one model folder with a state machine that is deployed already.

    :param deployment: what the deploy task returned.
    :param endpoint: the runs' own, so that tests do not see each other's champions.
    """

    folder: Path
    deployment: dict[str, str]
    endpoint: str

    @classmethod
    def deployed(cls, monkeypatch: pytest.MonkeyPatch, aws: LocalAws, folder: Path) -> Retrainer:
        """Deploy the folder's state machine."""
        connect(monkeypatch, aws)
        deploy = DeployWorkflowOperator(task_id="deploy", model_folder=folder, aws_conn_id=CONN_ID)
        deployment = deploy.execute(FakeContext("deploy"))  # type: ignore[arg-type]
        return cls(folder, deployment, f"gate-{uuid4().hex[:12]}")

    def retrain(
        self, *, end: datetime = CLEAR_DAY, rejections_before: int = 0, **params: Any
    ) -> dict[str, Any]:
        """Run one retrain to its end and give the gate's report, whatever the verdict."""
        params = {"endpoint": self.endpoint, "window_days": 9, **params}
        context = FakeContext(f"run-{uuid4().hex}", end=end, params=params)
        context["ti"].task_id, context["ti"].map_index = "accuracy_gate", -1
        before = Judged(iso(end), "", rejections_before)
        left = {f"judged_{before.month}": before.to_dict()}
        context["ti"].xcom_pull = lambda *, key="return_value", **_: left.get(key)
        start = StartRetrainOperator(
            task_id="start", model_folder=self.folder, deployment=self.deployment, aws_conn_id=CONN_ID
        )
        gate = AccuracyGateSensor(
            task_id="accuracy_gate",
            execution_arn=start.execute(context),  # type: ignore[arg-type]
            model_folder=self.folder,
            aws_conn_id=CONN_ID,
            poke_interval=0.2,
            timeout=120,
        )
        try:
            return gate.execute(context)  # type: ignore[arg-type]
        except (AirflowSkipException, AirflowFailException) as verdict:
            report: dict[str, Any] = context.xcoms["return_value"]
            return report | {"verdict": verdict}
