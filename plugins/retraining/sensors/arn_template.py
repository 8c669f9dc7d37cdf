"""Templates of the ARN of an execution that another task has started."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from retraining.airflow_internals import RETURN_VALUE, source_of

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, XComArg

# With the name of the execution that was asked for behind it. Where the whole run is cleared, that is another
# one, and earlier restarts are no matter of it; clearing only the tasks that read it loses nothing.
RESTARTED = "restarted_"


def template_of(execution_arn: str | XComArg, reader: BaseOperator) -> str:
    """The Jinja template of an ARN; in a triggerer XComs are found by an explicit map index only.

    :param reader: the task that waits for it.
    :raises ValueError: when it is not the XCom of a single task.
    """
    if isinstance(execution_arn, str):
        return execution_arn
    source = source_of(execution_arn)
    if source is None:
        raise ValueError(
            f"execution_arn: {execution_arn!r} must be one task's XCom, such as start.output or"
            " start.output['arn']; return the ARN from a task instead of .map(), .zip() or .concat()"
        )
    start, key = source
    if start.is_mapped:
        raise ValueError(
            f"execution_arn: {execution_arn!r} is of many executions, for {start.task_id!r} is mapped; wait"
            " for each with ExecutionSensor.partial(...).expand(execution_arn=...)"
        )
    group = start.get_closest_mapped_task_group()
    if group is not None and group is not reader.get_closest_mapped_task_group():
        raise ValueError(
            f"execution_arn: {execution_arn!r} is of many executions, for {start.task_id!r} is in the mapped"
            f" task group {group.group_id!r}; wait for each in that group"
        )
    of_key = "" if key == RETURN_VALUE else f", key={key!r}"
    index = "-1" if group is None else "ti.map_index"
    return f"{{{{ ti.xcom_pull(task_ids={start.task_id!r}{of_key}, map_indexes={index}) }}}}"


def tasks_read_by(execution_arn: str | XComArg) -> set[str]:
    """Name the tasks that an ARN comes from by XCom."""
    if isinstance(execution_arn, str):
        return set(re.findall(r"task_ids\s*=\s*['\"]([^'\"]+)", execution_arn))
    return {task.task_id for task, _ in execution_arn.iter_references()}


def awaited_template(execution_arn: str | XComArg, waiter: BaseOperator) -> str:
    """Make the template of what a task waited for in the end: what was asked for, or what it restarted."""
    index = "-1" if waiter.get_closest_mapped_task_group() is None else "ti.map_index"
    key = f"'{RESTARTED}' ~ asked_for.rpartition(':')[2]"
    restarted = f"ti.xcom_pull(task_ids='{waiter.task_id}', key={key}, map_indexes={index})"
    asked_for = f"{{% set asked_for %}}{template_of(execution_arn, waiter)}{{% endset %}}"
    return f"{asked_for}{{{{ {restarted} or asked_for }}}}"
