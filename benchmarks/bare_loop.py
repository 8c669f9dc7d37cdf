"""The same ETL and training as a retrain's, in a plain loop: no Airflow, no AWS."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from benchmarks.plain_retrain import MODEL, plain_retrain
from scripts.endpoint_check import download_flights
from scripts.local_stack import LocalStack

HOUR = timedelta(hours=1)


def bare_loop(stack: LocalStack, first: datetime, hours: int, folder: Path) -> tuple[float, float]:
    """Retrain on the windows that end at ``first`` and the hours after it.

    :param stack: gives the data, which is fetched before the clock starts.
    :param folder: for the data.
    :return: seconds, and CPU seconds.
    """
    spec = yaml.safe_load((MODEL / "model.yaml").read_text())
    window, validation = (timedelta(days=spec[key]) for key in ("window_days", "validation_days"))
    sql = (MODEL / "transform.sql").read_text()
    ends = [first + number * HOUR for number in range(hours)]
    download_flights(stack.aws("s3"), stack.outputs()["Bucket"], ends[0] - window, ends[-1], folder)
    began, cpu = time.monotonic(), _cpu()
    for end in ends:
        plain_retrain(folder, sql, end - window, end - validation, end, spec["hyperparameters"])
    return time.monotonic() - began, _cpu() - cpu


def _cpu() -> float:
    times = os.times()
    return times.user + times.system
