"""Runs the library's operators and hooks in the test's own process, against the embedded AWS."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from botocore.client import BaseClient

from tests.integration.embedded_aws import LocalAws

CONN_ID = "local_aws"


def connect(
    monkeypatch: pytest.MonkeyPatch, aws: LocalAws, conn_id: str = CONN_ID, region: str = "us-east-1"
) -> None:
    """Make an Airflow connection."""
    extra = {"endpoint_url": aws.endpoint_url, "region_name": region}
    connection = {"conn_type": "aws", "login": aws.login, "password": "local", "extra": extra}
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))


@contextmanager
def counted_calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count the AWS calls made with boto3 meanwhile, by operation."""
    calls: Counter[str] = Counter()
    make = BaseClient._make_api_call  # type: ignore[attr-defined]

    def counting(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        calls[operation] += 1
        return make(client, operation, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", counting)
        yield calls


class FakeContext(dict[str, Any]):
    """A task's context, as far as the library reads it."""

    def __init__(
        self,
        run_id: str,
        *,
        try_number: int = 1,
        max_tries: int = 0,
        clear_number: int = 0,
        end: datetime = datetime(2013, 9, 27, tzinfo=UTC),
        params: dict[str, Any] | None = None,
        started: datetime = datetime(2026, 1, 1, tzinfo=UTC),
        dag_version: str = "0192",
        user: str | None = None,
    ) -> None:
        self.xcoms: dict[str, Any] = {}
        run = SimpleNamespace(
            dag_id="flight_delay_retraining",
            run_id=run_id,
            run_type="manual",
            data_interval_end=end,
            run_after=end,
            start_date=started,
            triggering_user_name=user,
            clear_number=clear_number,
        )
        ti = SimpleNamespace(
            id=uuid4(),
            try_number=try_number,
            max_tries=max_tries,
            task_id="wait",
            map_index=-1,
            dag_version_id=dag_version,
            start_date=datetime.now(UTC),
            xcom_push=lambda key, value: self.xcoms.__setitem__(key, value),
            xcom_pull=lambda **_: None,
        )
        super().__init__(dag_run=run, ti=ti, task_instance=ti, params=params or {})
