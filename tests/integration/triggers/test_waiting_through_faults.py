"""What befalls one call is no matter of a wait; what lasts ends it with its reason, for each who waits."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast

import pytest
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from include.local_aws.control import Control
from retraining.triggers import poller
from retraining.triggers import wait as waiting
from retraining.triggers.execution import ExecutionTrigger
from tests.integration.airflow_side import CONN_ID, connect
from tests.integration.embedded_aws import LocalAws
from tests.integration.state_machines import WAIT, create_machine, ended, start

LIST, DESCRIBE = "stepfunctions.ListExecutions", "stepfunctions.DescribeExecution"
HISTORY = "stepfunctions.GetExecutionHistory"
SHORT_WAIT = {"Type": "Wait", "Seconds": 1, "End": True}


@pytest.fixture(autouse=True)
def quick_connection(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws) -> None:
    """The poller's own patience is looked at here, not boto's."""
    connect(monkeypatch, local_aws)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(waiting, "MIN_POLL_SECONDS", 0.2)
    monkeypatch.setattr(poller, "MAX_BACKOFF_SECONDS", 0.2)


def wait_for(*executions: str, follow: int = 0, conn_id: str = CONN_ID) -> list[TriggerEvent]:
    """What a triggerer gets from triggers that wait at the same time.

    :param follow: how many of them follow the states.
    """

    async def fired(number: int, arn: str) -> TriggerEvent:
        trigger = ExecutionTrigger(arn, conn_id, follow=number < follow)
        trigger._log = cast("Any", logging.getLogger(f"wait.{number}"))
        async with asyncio.timeout(60):
            return await anext(trigger.run())

    async def together() -> list[TriggerEvent]:
        return await asyncio.gather(*(fired(number, arn) for number, arn in enumerate(executions)))

    return asyncio.run(together())


def are_successes(events: list[TriggerEvent]) -> bool:
    return all(isinstance(event, TaskSuccessEvent) for event in events)


def said(caplog: pytest.LogCaptureFixture, text: str) -> set[str]:
    """The logs that say it."""
    return {record.name for record in caplog.records if text in record.getMessage()}


@pytest.fixture
def metadata() -> Iterator[list[str]]:
    """A metadata service that fails as often as the list has entries, and then gives the credentials."""
    failures: list[str] = []
    role = {
        "Code": "Success",
        "AccessKeyId": "local",
        "SecretAccessKey": "local",
        "Token": "local",
        "Expiration": (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }

    class Service(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self._answer("a token")

        def do_GET(self) -> None:
            if failures:
                failures.pop()
                self._answer("", 503)
                return
            is_list = self.path.endswith("/security-credentials/")
            self._answer("a-role" if is_list else json.dumps(role))

        def _answer(self, body: str, status: int = 200) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.MonkeyPatch.context() as patch:
            url = f"http://127.0.0.1:{server.server_port}/"
            patch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
            for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
                patch.delenv(variable, raising=False)
            yield failures
        server.shutdown()


def test_a_metadata_service_that_hiccups_ends_no_wait(
    local_aws: LocalAws,
    metadata: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    extra = {"endpoint_url": local_aws.endpoint_url, "region_name": "us-east-1"}
    monkeypatch.setenv("AIRFLOW_CONN_KEYLESS", json.dumps({"conn_type": "aws", "extra": extra}))
    machine = create_machine(local_aws, SHORT_WAIT)
    executions = [start(local_aws, machine) for _ in range(2)]
    metadata.extend(["503", "503"])
    assert are_successes(wait_for(*executions, conn_id="keyless"))
    assert metadata == []
    assert said(caplog, "Unable to locate credentials") == {"wait.0", "wait.1"}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("RequestTimeout", 408),
        ("IDPCommunicationError", 400),
        ("UnrecognizedClientException", 400),
        ("ExpiredTokenException", 400),
    ],
)
@pytest.mark.parametrize("operation", [LIST, DESCRIBE])
def test_what_passes_is_said_in_every_log_and_ends_no_wait(
    local_aws: LocalAws,
    control: Control,
    caplog: pytest.LogCaptureFixture,
    operation: str,
    code: str,
    status: int,
) -> None:
    machine = create_machine(local_aws, {**SHORT_WAIT, "Seconds": 0})
    executions = [start(local_aws, machine) for _ in range(2)]
    for execution in executions:
        ended(local_aws, execution)
    control.fail_call(operation, code, status, times=4)
    assert are_successes(wait_for(*executions))
    assert "fail_call" not in {fault["kind"] for fault in control.faults()}
    assert said(caplog, code) == {"wait.0", "wait.1"}


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "ExpiredTokenException"])
def test_what_lasts_ends_every_wait_with_its_reason(
    local_aws: LocalAws, control: Control, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 0.5)
    machine = create_machine(local_aws, WAIT)
    executions = [start(local_aws, machine) for _ in range(2)]
    control.fail_call("stepfunctions.*", code, 400, times=None)
    events = wait_for(*executions)
    assert {event.payload["status"] for event in events} == {"UNKNOWN"}
    assert all(code in event.payload["cause"] for event in events)


def test_a_history_that_may_not_be_read_ends_no_wait(
    local_aws: LocalAws, control: Control, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(waiting, "HISTORY_SECONDS", 0.1)
    machine = create_machine(local_aws, {**SHORT_WAIT, "Seconds": 2})
    executions = [start(local_aws, machine) for _ in range(3)]
    control.fail_call(HISTORY, "AccessDeniedException", 400, times=None)
    assert are_successes(wait_for(*executions, follow=1))
    # Said once, to the one who wanted to follow; asked once.
    assert said(caplog, "AccessDeniedException") == {"wait.0"}
    assert control.requests().counts[HISTORY] >= 1


@pytest.mark.parametrize("operation", [LIST, DESCRIBE])
def test_a_call_that_failed_once_costs_no_retry_its_redrive(
    local_aws: LocalAws, control: Control, operation: str
) -> None:
    fails = {"Type": "Fail", "Error": "Broken"}
    execution = start(local_aws, create_machine(local_aws, fails))
    ended(local_aws, execution)
    control.fail_call(operation, "InternalServerError", 500, times=2)
    (event,) = wait_for(execution)
    assert event.payload["status"] == "FAILED"
    assert event.payload["ended_before"]
