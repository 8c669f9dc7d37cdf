"""
Moments and limits mean what they say, on a machine in any time zone.

moto compares the moment that a Wait state waits for, which is in UTC, with the machine's own time, knows it
in whole seconds of UTC alone, and gives a task with HeartbeatSeconds one minute to live; where there is no
TimeoutSeconds, it is 99999999: https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html. What AWS
says of a moment that is none: LocalStack's scenarios/test_base_scenarios.snapshot.json
(test_wait_timestamp_jsonata and test_wait_timestamp_path).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import Timeout, TimeoutSeconds
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.eval.environment import Environment

from include.local_aws.moto_corrections.choice_values import timestamp
from include.local_aws.moto_corrections.failures import query_failure
from include.local_aws.moto_corrections.jsonata_fields import told

NO_MOMENT = "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: "


def install() -> None:
    """Put it in place."""
    Timestamp._from_timestamp_string = staticmethod(timestamp)
    Timestamp._get_wait_seconds = _seconds_until
    take = ExecutionState.from_state_props

    def take_props(state: ExecutionState, props: Any) -> None:
        take(state, props)
        if props.get(Timeout) is None:
            state.timeout = TimeoutSeconds(timeout_seconds=TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS)

    ExecutionState.from_state_props = take_props


def _seconds_until(function: Timestamp, env: Environment) -> float:
    function.string.eval(env=env)
    given = env.stack.pop()
    moment = timestamp(given) if isinstance(given, str) else None
    if moment is not None:
        return (moment - datetime.now(UTC)).total_seconds()
    if isinstance(function.string, StringJSONata):
        raise told(env, query_failure(env, f"{NO_MOMENT}{given}", "Timestamp"))
    raise FailureEventException(function._create_failure_event(env, given))
