"""Client of the embedded AWS's control API, for tests and benchmarks; needs the standard library only."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 30
# What SageMaker says of a job that it has no instance for.
NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML"
    " instance type."
)


class ControlError(Exception):
    """The embedded AWS refused what it was asked for; says why."""


@dataclass(frozen=True)
class RequestCounts:
    """
    Requests since the last reset, those of jobs and state machines included.

    :param counts: how many there were, by ``service.Operation``.
    :param throttled: how many of them were answered with ThrottlingException.
    """

    counts: dict[str, int]
    throttled: dict[str, int]


@dataclass(frozen=True)
class Authorizations:
    """
    IAM's names of actions, by the ARN of who asked for them, while policies are enforced.

    :param used: what was allowed.
    :param denied: what was not.
    """

    used: dict[str, list[str]]
    denied: dict[str, list[str]]


class Control:
    """
    Puts faults into an embedded AWS, switches its quotas and counts its requests.

    Operations are named as boto3 does, ``stepfunctions.StartExecution``; a pattern such as
    ``stepfunctions.*`` stands for many. ``times`` is how often a fault happens, None is for ever.

    :param endpoint_url: where the embedded AWS listens.
    """

    def __init__(self, endpoint_url: str) -> None:
        self._address = urlsplit(endpoint_url)

    def throttle(self, operation: str, rate: float, seed: int = 0) -> None:
        """Refuse a share (0 to 1) of requests with ThrottlingException; the same seed hits the same ones."""
        self._add("throttle", operation=operation, rate=rate, seed=seed)

    def fail_call(
        self,
        operation: str,
        code: str,
        status: int = 500,
        times: int | None = 1,
        contains: str = "",
        message: str | None = None,
    ) -> None:
        """
        Refuse requests with an error code and HTTP status; they have no effect.

        :param contains: only those whose path or body has this text.
        :param message: the error's; AWS's SDK integrations give it without the code.
        """
        said = {} if message is None else {"message": message}
        self._add(
            "fail_call", operation=operation, code=code, status=status, times=times, contains=contains, **said
        )

    def delay_call(
        self, operation: str, seconds: float, times: int | None = None, contains: str = ""
    ) -> None:
        """Let requests take effect later; ``contains`` as for :meth:`fail_call`."""
        self._add("delay_call", operation=operation, seconds=seconds, times=times, contains=contains)

    def drop_reply(self, operation: str, times: int | None = 1) -> None:
        """Carry requests out and close their connections without an answer."""
        self._add("drop_reply", operation=operation, times=times)

    def delay_reply(self, operation: str, seconds: float, times: int | None = None) -> None:
        """Carry requests out and answer later."""
        self._add("delay_reply", operation=operation, seconds=seconds, times=times)

    def fail_job(self, service: str, name: str, reason: str | None = None, times: int | None = 1) -> None:
        """Fail training jobs (service ``sagemaker``) or Glue job runs (``glue``) whose job name fits."""
        reasons = {} if reason is None else {"reason": reason}
        self._add("fail_job", service=service, name=name, times=times, **reasons)

    def no_capacity(self, name: str, times: int | None = 1) -> None:
        """Have no instance for training jobs whose name fits: as on AWS, they are created and then fail."""
        self.fail_job("sagemaker", name, NO_CAPACITY, times)

    def fail_reply(self, operation: str, code: str = "InternalFailure", times: int | None = 1) -> None:
        """Carry requests out, and answer with a server error: whether they took effect, nobody can tell."""
        self._add("fail_reply", operation=operation, code=code, times=times)

    def delay_job(self, service: str, name: str, seconds: float, times: int | None = None) -> None:
        """Let training jobs or Glue job runs take longer."""
        self._add("delay_job", service=service, name=name, seconds=seconds, times=times)

    def fail_deployment(self, endpoint: str, reason: str | None = None, times: int | None = 1) -> None:
        """Fail the creation or an update of endpoints whose name fits; an update leaves the old model."""
        reasons = {} if reason is None else {"reason": reason}
        self._add("fail_deployment", endpoint=endpoint, times=times, **reasons)

    def delay_deployment(self, endpoint: str, seconds: float, times: int | None = None) -> None:
        """Let endpoints be Creating or Updating longer."""
        self._add("delay_deployment", endpoint=endpoint, seconds=seconds, times=times)

    def lag(self, operation: str, seconds: float) -> None:
        """
        Let reads answer as of so many seconds ago, as AWS's eventually consistent ones may.

        What was made since is not there yet, what was changed shows its state before, what was deleted is
        still listed; with which words depends on the operation, as on AWS. Requests that are signed with
        ``include.local_aws.runtime.OBSERVER_KEY`` see everything at once.

        :param operation: one of ``include.local_aws.lag.OPERATIONS``, or a pattern; ``*`` is all of them.
        """
        self._add("lag", operation=operation, seconds=seconds)

    def faults(self) -> list[dict[str, Any]]:
        """The faults in force, with the times that are left."""
        found: list[dict[str, Any]] = self.ask("GET", "faults")["faults"]
        return found

    def clear_faults(self) -> None:
        """Take every fault out."""
        self.ask("DELETE", "faults")

    def enforce_quotas(self, enforced: bool) -> None:
        """Enforce AWS's request quotas of Step Functions from full buckets, or stop it."""
        self.ask("PUT", "quotas", {"enforced": enforced})

    def put_clock_forward(self, seconds: float) -> None:
        """Let schedules, metrics and alarms find that so many seconds have passed."""
        self.ask("POST", "clock", {"seconds": seconds})

    def authorizations(self) -> Authorizations:
        """What principals were allowed and denied so far."""
        found = self.ask("GET", "authorization")
        return Authorizations(found["used"], found["denied"])

    def requests(self) -> RequestCounts:
        """The requests since the last reset."""
        return RequestCounts(**self.ask("GET", "requests"))

    def reset_requests(self) -> None:
        """Count from zero."""
        self.ask("DELETE", "requests")

    def _add(self, kind: str, **fields: Any) -> None:
        self.ask("POST", "faults", {"kind": kind, **fields})

    def ask(self, method: str, path: str, content: object = None) -> dict[str, Any]:
        """
        One request of the control API.

        :raises ControlError: when it is refused.
        """
        connection = http.client.HTTPConnection(
            self._address.hostname or "", self._address.port, timeout=TIMEOUT_SECONDS
        )
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, f"/_local_aws/{path}", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ControlError(answer["error"])
        return answer
