"""
The history tells once of a failure, and of one that ends the execution only that it has ended.

moto tells of a failed expression where it is evaluated, and again where its state fails; and of
States.Runtime as of a failed task. LocalStack's recorded answers have neither
(scenarios/test_base_scenarios.snapshot.json, test_invalid_jsonpath and test_max_concurrency_path;
outputs/test_output.snapshot.json).
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager

from include.local_aws.moto_corrections.failures import RUNTIME, TOLD


def install() -> None:
    """Put it in place."""
    add, details_of = EventManager.add_event, FailureEventException.get_evaluation_failed_event_details

    def add_event(manager: EventManager, *event: Any, event_details: Any = None, **more: Any) -> Any:
        details = event_details or {}
        runtime = details.get("taskFailedEventDetails", {}).get("error") == RUNTIME
        if runtime or any(isinstance(part, dict) and TOLD in part for part in details.values()):
            return None
        return add(manager, *event, event_details=event_details, **more)

    def told_details(failure: FailureEventException) -> Any:
        details = failure.failure_event.event_details["evaluationFailedEventDetails"]
        return details if TOLD in details else details_of(failure)

    EventManager.add_event = add_event
    FailureEventException.get_evaluation_failed_event_details = told_details
