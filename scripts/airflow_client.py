"""A small client of Airflow's REST API (v2), as much of it as the demo and the end-to-end tests need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

Json = dict[str, Any]

FINISHED = frozenset({"success", "failed"})
# Seconds before each other try of what the local stack's database had no time for.
PAUSES = (0.5, 1, 2)


class ApiError(Exception):
    """
    The API refused a request.

    :param status: HTTP status code
    :param detail: the API's own explanation
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"HTTP {status}: {detail}")
        self.status = status
        self.detail = detail


class AirflowClient:
    """
    Talks to one API server as its admin.

    :param url: where the API server answers, e.g. ``http://127.0.0.1:8080``
    :param password: of the user ``admin``; None for the local stack, whose SimpleAuthManager with everyone
        admin hands out tokens freely
    :param token: of any Airflow's API, instead of asking for one
    """

    def __init__(self, url: str, password: str | None = None, token: str | None = None) -> None:
        self.url = url
        # A proxy of the user's could not reach the local stack, which is on loopback.
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=token is not None)
        self._http.headers["Authorization"] = f"Bearer {token or self._token(password)}"

    def _token(self, password: str | None) -> str:
        if password is None:
            answer = self._json("GET", "/auth/token")
        else:
            answer = self._json("POST", "/auth/token", json={"username": "admin", "password": password})
        return str(answer["access_token"])

    def dag(self, dag_id: str) -> Json:
        """Return one DAG; ApiError 404 when there is none."""
        return self._json("GET", f"/api/v2/dags/{dag_id}")

    def dags(self) -> dict[str, Json]:
        """Return the active DAGs by id."""
        return {
            dag["dag_id"]: dag for dag in self._json("GET", "/api/v2/dags", params={"limit": 100})["dags"]
        }

    def import_errors(self) -> list[Json]:
        """Return the import errors, each with ``filename`` and ``stack_trace``."""
        found: list[Json] = self._json("GET", "/api/v2/importErrors", params={"limit": 100})["import_errors"]
        return found

    def pause(self, dag_id: str, paused: bool) -> None:
        """Pause a DAG or let it run."""
        self._json("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": paused})

    def trigger(
        self, dag_id: str, *, logical_date: datetime | None = None, conf: Mapping[str, Any] | None = None
    ) -> Json:
        """
        Start a run by hand.

        :param dag_id: the DAG
        :param logical_date: the run's data interval is the last whole one before it (UTC); unique for the DAG
        :param conf: the run's parameters
        :raises ApiError: when the API refuses it, e.g. 400 for an invalid parameter, 409 for a used date
        """
        body = {"logical_date": logical_date.isoformat() if logical_date else None, "conf": dict(conf or {})}
        return self._json("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)

    def run(self, dag_id: str, run_id: str) -> Json:
        """Return one run."""
        return self._json("GET", _run_path(dag_id, run_id))

    def runs(self, dag_id: str, **filters: str) -> list[Json]:
        """Return the newest 100 runs that match the API's own filters, e.g. ``logical_date_gte``."""
        params = {"limit": "100", "order_by": "-run_after", **filters}
        found: list[Json] = self._json("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=params)["dag_runs"]
        return found

    def all_runs(self, dag_id: str, **filters: str) -> Iterator[Json]:
        """Return every run that matches the API's own filters, page by page, the oldest first."""
        offset, total = 0, 1
        while offset < total:
            params = {"limit": "100", "offset": str(offset), "order_by": "run_after", **filters}
            page = self._json("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=params)
            yield from page["dag_runs"]
            offset, total = offset + 100, page["total_entries"]

    def task_instances(self, dag_id: str, run_id: str) -> dict[str, Json]:
        """Return the task instances of a run by task id."""
        found = self._json("GET", f"{_run_path(dag_id, run_id)}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in found}

    def task_instance(self, dag_id: str, run_id: str, task_id: str) -> Json:
        """Return a task instance; ApiError 404 when there is none."""
        return self._json("GET", f"{_run_path(dag_id, run_id)}/taskInstances/{task_id}")

    def wait_for_run(
        self,
        dag_id: str,
        run_id: str,
        *,
        timeout_s: float,
        on_change: Callable[[Json, dict[str, str]], None] | None = None,
    ) -> Json:
        """
        Poll a run until it has ended, and return it.

        :param dag_id: the DAG
        :param run_id: the run
        :param timeout_s: seconds to wait at most
        :param on_change: called with the run and its tasks' states whenever one of these changed
        :raises TimeoutError: when the run has not ended in time; the message lists the tasks' states
        """
        deadline = time.monotonic() + timeout_s
        seen: dict[str, str] = {}
        while True:
            run = self.run(dag_id, run_id)
            states = {
                task: str(instance["state"] or "-")
                for task, instance in self.task_instances(dag_id, run_id).items()
            }
            if on_change and states != seen:
                on_change(run, states)
            seen = states
            if run["state"] in FINISHED:
                return run
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {run_id} is {run['state']} after {timeout_s:.0f} s; tasks: {states}")
            time.sleep(0.5)

    def xcom(
        self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1
    ) -> Any:
        """Return the value that a task pushed; ApiError 404 when there is none."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/{quote(key, safe='')}"
        return self._json("GET", path, params={"map_index": map_index})["value"]

    def asset_events(self) -> list[Json]:
        """Return the newest 100 asset events."""
        params = {"limit": "100", "order_by": "-timestamp"}
        events: list[Json] = self._json("GET", "/api/v2/assets/events", params=params)["asset_events"]
        return events

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1) -> str:
        """Return the log of one try of a task, as text; of exceptions the messages, not the frames."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{task_id}/logs/{try_number}"
        content = self._json("GET", path, params={"full_content": "true"})["content"]
        return "\n".join(text for line in content for text in _log_lines(line))

    def backfill_dates(self, dag_id: str, first: datetime, last: datetime) -> list[datetime]:
        """
        Return the logical dates that a backfill would make runs of, the oldest first.

        :param first: the earliest to be made
        :param last: the latest
        """
        body = {"dag_id": dag_id, "from_date": first.isoformat(), "to_date": last.isoformat()}
        found = self._json("POST", "/api/v2/backfills/dry_run", json=body)["backfills"]
        return sorted(datetime.fromisoformat(it["logical_date"]) for it in found)

    def cancel_backfills(self, dag_id: str) -> None:
        """Cancel what is left of a DAG's backfills, so that another can be created."""
        found = self._json("GET", "/api/v2/backfills", params={"dag_id": dag_id})["backfills"]
        for backfill in found:
            if backfill["completed_at"] is None:
                self._json("PUT", f"/api/v2/backfills/{backfill['id']}/cancel")

    def health(self) -> Json:
        """Return the heartbeats of the components."""
        return self._json("GET", "/api/v2/monitor/health")

    def request(self, method: str, path: str, body: Json) -> None:
        """
        Make any other request of the API.

        :param path: such as ``/api/v2/dags/a_dag/clearTaskInstances``
        :raises ApiError: when the API refuses it
        """
        self._answer(method, path, json=body)

    def _json(self, method: str, path: str, **kwargs: Any) -> Json:
        answer: Json = self._answer(method, path, **kwargs).json()
        return answer

    def _answer(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        for pause in (*PAUSES, None):
            response = self._http.request(method, path, **kwargs)
            # SQLite lets one write at a time, and who has waited too long is rolled back.
            if pause is None or response.status_code != 500 or "Database error" not in response.text:
                break
            time.sleep(pause)
        if response.is_error:
            raise ApiError(response.status_code, _detail(response))
        return response


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"


def _log_lines(line: Json) -> list[str]:
    errors = line.get("error_detail") or []
    return [line["event"], *(f"{error['exc_type']}: {error['exc_value']}" for error in errors)]


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return response.text
