"""The small client of Airflow's API: what the local stack's database had no time for is asked again."""

from __future__ import annotations

import httpx
import pytest

from scripts import airflow_client
from scripts.airflow_client import AirflowClient, ApiError

LOCKED = {"detail": {"reason": "Database error", "message": "Serious error"}}


class Asked(AirflowClient):
    """A client whose server answers as it is told."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self._http = httpx.Client(
            base_url="http://airflow", transport=httpx.MockTransport(lambda _: self.answers.pop(0))
        )


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_client, "PAUSES", (0, 0))


def test_a_locked_database_is_asked_again() -> None:
    client = Asked(httpx.Response(500, json=LOCKED), httpx.Response(200, json={"dag_id": "a"}))
    assert client.dag("a") == {"dag_id": "a"}


def test_one_that_stays_locked_is_said() -> None:
    client = Asked(*(httpx.Response(500, json=LOCKED) for _ in range(3)))
    with pytest.raises(ApiError, match="Database error"):
        client.dag("a")
    assert client.answers == []


@pytest.mark.parametrize(("status", "detail"), [(500, "a bug"), (400, "Database error")])
def test_nothing_else_is_asked_again(status: int, detail: str) -> None:
    client = Asked(httpx.Response(status, json={"detail": detail}), httpx.Response(200, json={}))
    with pytest.raises(ApiError, match=detail):
        client.dag("a")
    assert len(client.answers) == 1
