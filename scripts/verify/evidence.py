"""What a verification has seen of AWS, for the checks to judge."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.aws_account import Account


@dataclass(frozen=True)
class Names:
    """
    What a verification calls its things; all of them are found again by the stack's name alone.

    :param stack: such as ``retraining-verify-1a2b3c``.
    """

    stack: str

    @property
    def model(self) -> str:
        """The model folder's; the DAG's name begins with it, and so do the names of all that it makes."""
        return self.stack.replace("-", "_")

    @property
    def endpoint(self) -> str:
        """No other stack's."""
        return self.stack

    @property
    def role(self) -> str:
        """The role that has Airflow's policy and nothing else."""
        return f"{self.stack}-airflow"

    @property
    def probe(self) -> str:
        """The state machine whose executions do nothing."""
        return f"{self.stack}-probe"


@dataclass(frozen=True)
class DagRun:
    """
    A DAG run that has ended.

    :param report: the gate report; None when the run did not get there.
    :param history: the events of its execution, oldest first; empty when none was started.
    :param log: what the tasks wrote.
    """

    state: str
    report: Mapping[str, Any] | None
    history: list[dict[str, Any]]
    log: str

    @property
    def outcome(self) -> str:
        """The report's word, or what there is instead of one."""
        return str(self.report["outcome"]) if self.report else f"no report; the run is {self.state}"

    @property
    def trouble(self) -> str:
        """Why the execution failed, or the last of the log where there was none."""
        if self.report and self.report.get("error"):
            return f"{self.report.get('failed_state')}: {self.report['error']}: {self.report.get('cause')}"
        errors = [line for line in self.log.splitlines() if "rror" in line]
        return errors[-1].strip()[-400:] if errors else "nothing in the log"

    def exits(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Names and outputs of the states in the order in which they were left."""
        for event in self.history:
            if details := event.get("stateExitedEventDetails"):
                yield details["name"], json.loads(details.get("output") or "{}")

    def failures(self) -> Iterator[tuple[str, str]]:
        """Errors and causes of all attempts that failed, those that were tried again too."""
        for event in self.history:
            for key, details in event.items():
                if key.endswith("FailedEventDetails") and isinstance(details, dict):
                    yield str(details.get("error", "")), str(details.get("cause", ""))


@dataclass
class Evidence:
    """
    What has been seen; empty where the verification did not get there.

    :param outputs: the stack's.
    :param runs: by what they are: ``accepted``, ``rejected``, ``rollback``.
    :param role: ARN of the role that has Airflow's policy only; None where it could not be taken.
    :param seconds: how long AWS took until its answers were true, by what was asked.
    :param answers: an error's code and message, or ``accepted``, by what was asked.
    :param facts: whatever else was read.
    :param errors: what kept the verification from seeing more.
    """

    account: Account
    names: Names
    outputs: dict[str, str] = field(default_factory=dict)
    runs: dict[str, DagRun] = field(default_factory=dict)
    role: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def client(self, service: str) -> Any:
        """A client of whoever verifies."""
        return self.account.session.client(service)  # type: ignore[call-overload]

    def failures(self) -> list[tuple[str, str]]:
        """Errors and causes of all attempts in all executions."""
        return [failure for run in self.runs.values() for failure in run.failures()]
