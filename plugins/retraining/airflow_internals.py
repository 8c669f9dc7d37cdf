"""What this library takes of Airflow beyond its public interface: a release that changes it breaks this file.

Seen in Airflow 3.3; ``tests/unit/test_airflow_internals.py`` has a test for each thing. What is promised:
https://airflow.apache.org/docs/apache-airflow/stable/public-airflow-interface.html
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Protocol

from airflow.sdk import BaseXCom, XComArg
from airflow.sdk.definitions.xcom_arg import PlainXComArg
from airflow.triggers.base import BaseTrigger, StartTriggerArgs

# How Airflow begins the run ids of backfills (DagRunType.generate_run_id).
BACKFILL = "backfill__"
RETURN_VALUE = BaseXCom.XCOM_RETURN_KEY


class DatabaseError(Exception):
    """Airflow's database does not answer."""


class TaskTry(Protocol):
    """A try of a task, as much as a triggerer knows of it."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int


def attempt_of(run: Any) -> int:
    """Which attempt at its work a run is, from 1: clearing any task of a finished run begins another.

    :param run: the context's ``dag_run``.
    """
    return (run.clear_number or 0) + 1


def dag_version_of(ti: Any) -> object:
    """ID of the version of its DAG that a task instance runs; None where Airflow does not tell."""
    return ti.dag_version_id


def tries_since_cleared(ti: Any, retries: int) -> int:
    """Which try this is since a person cleared the task last: that raises ``max_tries`` by what it had used.

    :param retries: the task's.
    """
    return int(ti.try_number - (ti.max_tries - retries))


def is_a(task: Any, kind: type) -> bool:
    """Whether a task of a DAG, mapped or not, is of a class."""
    return issubclass(getattr(task, "operator_class", type(task)), kind)


def start_in_triggerer(
    task: Any, trigger: type[BaseTrigger], arguments: Mapping[str, Any], *, resume_in: str, timeout: timedelta
) -> None:
    """Have a task begin in the triggerer, where the templates among the arguments can be rendered there.

    :param resume_in: the task's method for the trigger's event.
    """
    task.start_from_trigger = all(_renders_in_triggerer(value) for value in arguments.values())
    task.start_trigger_args = StartTriggerArgs(
        trigger_cls=f"{trigger.__module__}.{trigger.__qualname__}",
        trigger_kwargs=dict(arguments),
        next_method=resume_in,
        timeout=timeout,
    )


def starts_in_triggerer(task: Any) -> bool:
    """Whether a task begins in the triggerer; its XComs then outlive its being cleared."""
    return bool(task.start_from_trigger)


def _renders_in_triggerer(value: Any) -> bool:
    """There Airflow 3.3 pulls XComs of given map indexes only."""
    return not isinstance(value, str) or "xcom_pull" not in value or "map_indexes" in value


def source_of(xcom: XComArg) -> tuple[Any, str] | None:
    """The task and the key of an XCom; None for what is made of several, or by a function of one."""
    return (xcom.operator, xcom.key) if isinstance(xcom, PlainXComArg) else None


def somebody_listens() -> bool:
    """Whether a plugin listens to tasks: it hears of those only that end on a worker."""
    from airflow.sdk.listener import get_listener_manager

    return bool(get_listener_manager().has_listeners)


def task_of(trigger: BaseTrigger) -> tuple[TaskTry, int] | None:
    """The try that a trigger waits for, and the trigger's id; None outside a triggerer, as in dag.test()."""
    if trigger.task_instance is None or trigger.trigger_id is None:
        return None
    return trigger.task_instance, trigger.trigger_id


async def state_of(ti: TaskTry) -> str | None:
    """State of a task now, asked from a triggerer."""
    # What Airflow offers is not async; on the loop's own thread it would wait for itself.
    found = await asyncio.to_thread(states_of, ti, [ti.task_id], map_index=ti.map_index)
    return found.get(ti.task_id)


def states_of(
    ti: TaskTry, task_ids: Collection[str], *, map_index: int | None = None
) -> dict[str, str | None]:
    """States of tasks of a run by id; in a mapped task group, of those that have the same index.

    :param map_index: ask for those of this index only.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states = RuntimeTaskInstance.get_task_states(
        dag_id=ti.dag_id, map_index=map_index, task_ids=sorted(task_ids), run_ids=[ti.run_id]
    ).get(ti.run_id, {})
    # Airflow names those of mapped tasks by their index.
    return {task: states.get(task, states.get(f"{task}_{ti.map_index}")) for task in task_ids}


async def read_xcom(ti: TaskTry, key: str) -> Any:
    """Read what a task has left, from a triggerer."""
    return await BaseXCom.aget_one(key=key, **_place(ti))


async def write_xcom(ti: TaskTry, key: str, value: Any) -> None:
    """Leave something for a task, from a triggerer."""
    await BaseXCom.aset(key, value, **_place(ti))


def _place(ti: TaskTry) -> dict[str, Any]:
    return {"dag_id": ti.dag_id, "task_id": ti.task_id, "run_id": ti.run_id, "map_index": ti.map_index}


def import_by_path(path: str) -> Any:
    """Import what a dotted path names.

    :raises ImportError: when there is no such thing.
    """
    from airflow.sdk.module_loading import import_string  # type: ignore[attr-defined]

    return import_string(path)


def read_connections_of_the_database() -> None:
    """Have a command line, which is no task, see the connections that are kept in Airflow's database."""
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")


def slots_of(pool: str) -> int | None:
    """Slots of a pool, from Airflow's database; None when there is no such pool.

    :raises DatabaseError: when the database does not answer, with its reason.
    """
    from airflow.models.pool import Pool
    from sqlalchemy.exc import SQLAlchemyError

    try:
        found = Pool.get_pool(pool)
    except SQLAlchemyError as error:
        raise DatabaseError(str(error).splitlines()[0]) from None
    return None if found is None else int(found.slots)
