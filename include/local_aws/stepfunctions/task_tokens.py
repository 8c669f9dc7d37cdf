"""A task that waits for its token ends when its execution does; moto would wait on, for years."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (  # noqa: E501
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeTimedOut

# How late the end of the execution may be noticed.
LOOK_SECONDS = 0.5


def install() -> None:
    """Put it in place."""
    wait = StateTaskServiceCallback._eval_wait_for_task_token

    def wait_for_task_token(task: StateTaskServiceCallback, env: Any, **waited: Any) -> Any:
        if waited.get("heartbeat_endpoint") is not None:
            return wait(task, env, **waited)
        endpoint = waited["callback_endpoint"]
        while env.is_running():
            if outcome := endpoint.wait(timeout=LOOK_SECONDS):
                return outcome
        return CallbackOutcomeTimedOut(callback_id=endpoint.callback_id)

    StateTaskServiceCallback._eval_wait_for_task_token = wait_for_task_token
