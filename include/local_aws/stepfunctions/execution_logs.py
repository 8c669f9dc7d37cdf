"""
History events of executions in the log group of their state machine.

What AWS writes: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html, and LocalStack's recorded
stepfunctions/v2/logs. moto has the events of each level and leaves the rest out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from moto.logs.models import logs_backends
from moto.stepfunctions.models import StateMachine, StateMachineInstance
from moto.stepfunctions.parser.api import HistoryEventType, InvalidLoggingConfiguration
from moto.stepfunctions.parser.asl.eval.event.logging import (
    VALIDATION_LOG_STREAM_NAME,
    CloudWatchLoggingConfiguration,
    is_logging_enabled_for,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from include.local_aws.logs.streams import put
from include.local_aws.runtime import ACCOUNT_ID


class LoggingSession:
    """
    Writes one execution's events; the interpreter's event manager calls it.

    :param configuration: moto's reading of the state machine's loggingConfiguration.
    :param redrives: tells how often the execution has been redriven so far.
    """

    def __init__(
        self, execution_arn: str, configuration: CloudWatchLoggingConfiguration, redrives: Callable[[], int]
    ) -> None:
        self.execution_arn, self.configuration, self._redrives = execution_arn, configuration, redrives
        machine = configuration.state_machine_arn.split(":")[6]
        minute = datetime.now(UTC).strftime("%Y-%m-%d-%H-%M")
        self._stream = f"states/{machine}/{minute}/{uuid4().hex[:8]}"

    def log_level_filter(self, history_event_type: HistoryEventType) -> bool:
        """Whether the level has events of this type."""
        return bool(is_logging_enabled_for(self.configuration.log_level, history_event_type))

    def publish_history_log(self, history_log: dict[str, Any]) -> None:
        """Write an event, unless somebody has deleted the group: AWS does not make it again."""
        group, region = self.configuration.log_group_name, self.configuration.log_region
        if group not in logs_backends[ACCOUNT_ID][region].groups:
            return
        at = datetime.fromisoformat(history_log["event_timestamp"])
        event = {
            "id": history_log["id"],
            "type": history_log["type"],
            "details": history_log.get("details", {}),
            "previous_event_id": history_log["previous_event_id"],
            "event_timestamp": str(int(at.timestamp() * 1000)),
            "execution_arn": history_log["execution_arn"],
            "redrive_count": str(self._redrives()),
        }
        put(group, self._stream, [json.dumps(event, default=str)], region=region)


def session(
    machine: StateMachineInstance, execution_arn: str, redrives: Callable[[], int]
) -> LoggingSession | None:
    """What logs an execution, if its state machine's logging is on."""
    configuration = _configuration(machine.arn, machine.loggingConfiguration)
    return LoggingSession(execution_arn, configuration, redrives) if configuration else None


def _configuration(arn: str, given: dict[str, Any]) -> CloudWatchLoggingConfiguration | None:
    return CloudWatchLoggingConfiguration.from_logging_configuration(
        arn, {"includeExecutionData": False, **given}
    )


def install() -> None:
    """Refuse logging into a group that is not there."""
    create, update = StepFunctionsParserBackend.create_state_machine, StateMachine.update

    def create_state_machine(backend: StepFunctionsParserBackend, *arguments: Any, **request: Any) -> Any:
        _validate(request.get("loggingConfiguration"))
        return create(backend, *arguments, **request)

    def update_state_machine(machine: StateMachine, **changes: Any) -> Any:
        _validate(changes.get("loggingConfiguration"))
        return update(machine, **changes)

    StepFunctionsParserBackend.create_state_machine = create_state_machine
    StateMachine.update = update_state_machine


def _validate(given: dict[str, Any] | None) -> None:
    """LocalStack's recorded test_sfn_api_logs has what AWS answers."""
    if not given or given.get("level", "OFF") == "OFF":
        return
    configuration = _configuration("", given)
    if configuration is None:
        raise InvalidLoggingConfiguration(
            "Invalid Logging Configuration: Must specify exactly one Log Destination."
        )
    group, region = configuration.log_group_name, configuration.log_region
    if group not in logs_backends[ACCOUNT_ID][region].groups:
        raise InvalidLoggingConfiguration("Invalid Logging Configuration: Log Destination not found.")
    put(group, VALIDATION_LOG_STREAM_NAME, [], region=region)
