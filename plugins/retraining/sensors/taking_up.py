"""Takes up the work of an execution that had ended before the task that waits for it was tried again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from retraining import arns
from retraining.airflow_internals import attempt_of, tries_since_cleared
from retraining.execution.causes import KILLED
from retraining.execution.name import restart_name
from retraining.hooks.state_machine import StateMachineHook
from retraining.sensors.arn_template import RESTARTED
from retraining.triggers import succession

if TYPE_CHECKING:
    from airflow.sdk import Context


class TakenUp(NamedTuple):
    """What there is to wait for from now on."""

    execution_arn: str
    redrive_count: int


def is_asked_for(event: Mapping[str, Any], context: Context, *, retries: int, keeps_xcoms: bool) -> bool:
    """Whether this try is a retry, or a person cleared this task but not the one that started.

    :param event: the trigger's.
    :param keeps_xcoms: whether the task starts in the triggerer: its XComs outlive its being cleared.
    """
    # Whoever is alive and sees that Airflow stopped the execution comes after a try that was cleared.
    was_killed = event["status"] == "ABORTED" and str(event.get("cause")).startswith(KILLED)
    if event["redriven"] or not (event.get("ended_before") or was_killed):
        return False
    ti = context["ti"]
    if tries_since_cleared(ti, retries) > 1:
        return True
    if attempt_of(context["dag_run"]) == 1:
        return False
    if not keeps_xcoms:
        return True
    signed = ti.xcom_pull(task_ids=ti.task_id, key=succession.KEY, map_indexes=ti.map_index)
    return succession.has_waited_before(signed, ti.try_number, event["execution_arn"])


def take_up(hook: StateMachineHook, event: Mapping[str, Any], context: Context) -> TakenUp:
    """Redrive the execution, or where AWS does not allow that, start it again under another name.

    :param event: the trigger's.
    """
    arn: str = event["execution_arn"]
    seen: int = event.get("redrive_count", 0)
    execution = hook.describe(arn)
    described: int = execution.get("redriveCount", 0)
    if execution["status"] in ("RUNNING", "PENDING_REDRIVE"):
        if described > seen:
            # Somebody was faster.
            return TakenUp(arn, described)
        # DescribeExecution is eventually consistent: the trigger has seen the end.
        execution = {**execution, "status": event["status"]}
    execution["redriveCount"] = count = max(described, seen)
    if hook.redrive(execution):
        return TakenUp(arn, count + 1)
    name = restart_name(arns.name_of(arn), context["ti"].try_number)
    started = hook.start_again(execution, name)
    context["ti"].xcom_push(key=RESTARTED + arns.name_of(arn), value=started)
    return TakenUp(started, 0)
