"""A window has the same rows, and so the same metric, whenever it is run; busy services are waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from include.local_aws.control import Control
from retraining.execution.window import iso
from tests.integration.embedded_aws import LocalAws
from tests.integration.execution.gate_runs import CLEAR_DAY, Retrainer
from tests.integration.execution.test_gate_retrains import FLIGHT_DELAY, QUICK


@pytest.fixture
def flight_delay(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws) -> Retrainer:
    return Retrainer.deployed(monkeypatch, local_aws, FLIGHT_DELAY)


@contextmanager
def late_flights(aws: LocalAws, folder: Path) -> Iterator[None]:
    """Flights of the window's last day that all came late, and were received ten days afterwards."""
    bucket, day = aws.outputs["Bucket"], CLEAR_DAY - timedelta(days=1)
    prefix, s3 = f"data/flights/date={day:%Y-%m-%d}/", aws.client("s3")
    (there,) = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    early, late = folder / "early.parquet", folder / "late.parquet"
    s3.download_file(bucket, there["Key"], str(early))
    duckdb.read_parquet(str(early)).project(
        "* REPLACE (received_at + INTERVAL 10 DAY AS received_at, flight + 10000 AS flight,"
        " dep_delay - 5 AS dep_delay, 90 AS arr_delay)"
    ).write_parquet(str(late))
    key = f"{prefix}late.parquet"
    s3.upload_file(str(late), bucket, key)
    try:
        yield
    finally:
        s3.delete_object(Bucket=bucket, Key=key)


def test_a_rerun_has_the_same_metric_whatever_came_in_since(
    flight_delay: Retrainer, local_aws: LocalAws, tmp_path: Path
) -> None:
    run: dict[str, Any] = {"hyperparameters": QUICK, "deploy_policy": "never", "threshold": 0.5}
    before = flight_delay.retrain(**run)
    with late_flights(local_aws, tmp_path):
        assert flight_delay.retrain(**run)["value"] == before["value"]
        let_in = flight_delay.retrain(**run, as_of=iso(CLEAR_DAY + timedelta(days=30)))
    assert let_in["value"] > before["value"] + 0.01


@pytest.mark.parametrize(
    ("operation", "code", "status"),
    [
        ("glue.StartJobRun", "ConcurrentRunsExceededException", 400),
        ("glue.StartJobRun", "ThrottlingException", 400),
        ("sagemaker.CreateTrainingJob", "ResourceLimitExceeded", 400),
        ("sagemaker.CreateTrainingJob", "ThrottlingException", 400),
        ("sagemaker.CreateModel", "ThrottlingException", 400),
    ],
)
def test_a_quota_that_is_used_up_delays_a_retrain_and_does_not_fail_it(
    flight_delay: Retrainer, control: Control, operation: str, code: str, status: int
) -> None:
    control.fail_call(operation, code, status)
    report = flight_delay.retrain(hyperparameters=QUICK, deploy_policy="never")
    assert not control.faults()
    assert (report["outcome"], report["error"]) == ("accepted", None)
