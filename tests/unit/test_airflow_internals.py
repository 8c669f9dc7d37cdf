"""What the library takes of Airflow beyond its promises is there, and is what it is taken for."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.api_fastapi.execution_api.routes.task_instances import get_task_instance_states
from airflow.models.pool import Pool
from airflow.sdk import DAG, BaseOperator, BaseXCom, XComArg
from airflow.sdk.api.datamodels import _generated as told
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.listener import get_listener_manager
from airflow.serialization.serialized_objects import BaseSerialization, DagSerialization
from airflow.utils.types import DagRunType
from sqlalchemy.exc import OperationalError

from retraining import airflow_internals
from retraining.triggers.execution import ExecutionTrigger
from tests.unit.conftest import PROJECT

TI = SimpleNamespace(dag_id="d", run_id="r", task_id="wait", map_index=-1, try_number=1)
ARN = "arn:aws:states:eu-west-1:123456789012:execution:m:e"
# Attributes that Airflow's public interface does not have.
INTERNAL = {
    "clear_number",
    "max_tries",
    "dag_version_id",
    "operator_class",
    "start_from_trigger",
    "start_trigger_args",
    "task_instance",
    "trigger_id",
    "get_task_states",
}


def test_nobody_else_asks_airflow_for_what_it_does_not_promise() -> None:
    """Imports are ruff's matter (banned-api in pyproject.toml)."""
    files = [*(PROJECT / "plugins").rglob("*.py"), *(PROJECT / "dags").rglob("*.py")]
    found = {
        f"{file.relative_to(PROJECT)}:{node.lineno}: {node.attr}"
        for file in files
        if file.name != "airflow_internals.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in INTERNAL
    }
    assert not found


def test_a_run_tells_how_often_it_was_cleared() -> None:
    assert "clear_number" in told.DagRun.model_fields
    assert airflow_internals.attempt_of(SimpleNamespace(clear_number=None)) == 1
    assert airflow_internals.attempt_of(SimpleNamespace(clear_number=2)) == 3


def test_a_task_instance_tells_its_dags_version() -> None:
    assert "dag_version_id" in told.TaskInstance.model_fields
    assert airflow_internals.dag_version_of(SimpleNamespace(dag_version_id=7)) == 7


def test_clearing_a_task_raises_its_max_tries() -> None:
    assert "max_tries" in RuntimeTaskInstance.model_fields
    assert "max_tries" in told.TIRunContext.model_fields
    ti = SimpleNamespace(try_number=1, max_tries=2)
    assert [airflow_internals.tries_since_cleared(ti, 2), ti.max_tries] == [1, 2]
    # As clear_task_instances does with one that has used two tries.
    ti = SimpleNamespace(try_number=3, max_tries=2 + 2)
    assert airflow_internals.tries_since_cleared(ti, 2) == 1


def test_a_mapped_task_is_of_its_operators_class() -> None:
    class Mine(BaseOperator):
        pass

    with DAG("d", schedule=None) as dag:
        Mine(task_id="plain")
        Mine.partial(task_id="mapped").expand(doc=["a", "b"])
        BaseOperator(task_id="other")
    assert [task.task_id for task in dag.tasks if airflow_internals.is_a(task, Mine)] == ["plain", "mapped"]


@pytest.mark.parametrize(
    ("template", "starts"),
    [
        (ARN, True),
        ("{{ ti.xcom_pull(task_ids='start', map_indexes=-1) }}", True),
        ("{{ ti.xcom_pull(task_ids='start') }}", False),
    ],
)
def test_a_task_that_starts_in_the_triggerer_does_so_for_the_scheduler_too(
    template: str, starts: bool
) -> None:
    with DAG("d", schedule=None) as dag:
        task = BaseOperator(task_id="wait")
        airflow_internals.start_in_triggerer(
            task,
            ExecutionTrigger,
            {"execution_arn": template, "aws_conn_id": None},
            resume_in="execute_complete",
            timeout=timedelta(seconds=60),
        )
    assert airflow_internals.starts_in_triggerer(task) is starts
    kept: Any = DagSerialization.from_dict(DagSerialization.to_dict(dag)).get_task("wait")
    assert kept.start_from_trigger is starts
    if starts:
        assert kept.start_trigger_args.trigger_cls == "retraining.triggers.execution.ExecutionTrigger"
        arguments = BaseSerialization.deserialize(kept.start_trigger_args.trigger_kwargs)
        assert arguments == {"execution_arn": template, "aws_conn_id": None}
        assert kept.start_trigger_args.next_method == "execute_complete"
        assert kept.start_trigger_args.timeout == timedelta(seconds=60)


def test_an_xcom_of_one_task_tells_which() -> None:
    with DAG("d", schedule=None):
        start = BaseOperator(task_id="start")
    assert airflow_internals.source_of(start.output) == (start, airflow_internals.RETURN_VALUE)
    assert airflow_internals.source_of(cast("Any", start.output)["arn"]) == (start, "arn")
    assert airflow_internals.source_of(cast("XComArg", start.output.map(str))) is None


@pytest.fixture
def listener() -> Iterator[object]:
    manager, listener = get_listener_manager(), object()
    assert not airflow_internals.somebody_listens()
    manager.pm.register(listener)
    yield listener
    manager.pm.unregister(listener)


def test_a_plugin_that_listens_is_noticed(listener: object) -> None:
    assert airflow_internals.somebody_listens()


def test_a_trigger_knows_its_task_in_a_triggerer_only() -> None:
    trigger = ExecutionTrigger(ARN, None)
    assert airflow_internals.task_of(trigger) is None
    trigger.task_instance, trigger.trigger_id = cast("Any", TI), 7
    assert airflow_internals.task_of(trigger) == (TI, 7)


@pytest.mark.parametrize("map_index", [-1, 3])
def test_a_triggerer_asks_for_states_as_the_api_server_tells_them(
    monkeypatch: pytest.MonkeyPatch, map_index: int
) -> None:
    ti = SimpleNamespace(**{**vars(TI), "map_index": map_index})
    row = SimpleNamespace(**vars(ti), state="deferred")
    session: Any = SimpleNamespace(scalars=lambda _: SimpleNamespace(all=lambda: [row]))

    def answer(**asked: Any) -> Any:
        inspect.signature(real).bind(**asked)
        return get_task_instance_states(session=session, dag_bag=cast("Any", None), **asked).task_states

    real = RuntimeTaskInstance.get_task_states
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", answer)
    assert asyncio.run(airflow_internals.state_of(ti)) == "deferred"
    assert airflow_internals.states_of(ti, ["wait", "never"]) == {"wait": "deferred", "never": None}


def test_xcoms_are_read_and_written_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    left: dict[str, Any] = {}
    reads, writes = inspect.signature(BaseXCom.aget_one), inspect.signature(BaseXCom.aset)
    assert inspect.iscoroutinefunction(BaseXCom.aget_one)
    assert inspect.iscoroutinefunction(BaseXCom.aset)

    async def read(**where: Any) -> Any:
        reads.bind(**where)
        return left.get(where["key"])

    async def write(key: str, value: Any, **where: Any) -> None:
        writes.bind(key, value, **where)
        left[key] = value

    monkeypatch.setattr(BaseXCom, "aget_one", read)
    monkeypatch.setattr(BaseXCom, "aset", write)

    async def both() -> Any:
        await airflow_internals.write_xcom(TI, "k", {"a": 1})
        return await airflow_internals.read_xcom(TI, "k")

    assert asyncio.run(both()) == {"a": 1}


def test_what_a_dotted_path_names_is_imported() -> None:
    path = "retraining.triggers.execution.ExecutionTrigger"
    assert airflow_internals.import_by_path(path) is ExecutionTrigger
    with pytest.raises(ImportError):
        airflow_internals.import_by_path("retraining.nothing.Such")


def test_airflow_names_backfill_runs_as_is_assumed() -> None:
    name = DagRunType.BACKFILL_JOB.generate_run_id(suffix="2013")
    assert name == f"{airflow_internals.BACKFILL}2013"


def test_a_pool_has_slots_or_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    inspect.signature(Pool.get_pool).bind("a_pool")
    assert "slots" in Pool.__table__.columns
    monkeypatch.setattr(Pool, "get_pool", lambda name: SimpleNamespace(slots=8) if name == "there" else None)
    assert [airflow_internals.slots_of(name) for name in ("there", "gone")] == [8, None]


def test_a_database_that_does_not_answer_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> None:
        raise OperationalError("SELECT 1", {}, Exception("connection refused\nand more"))

    monkeypatch.setattr(Pool, "get_pool", fail)
    with pytest.raises(airflow_internals.DatabaseError, match=r"connection refused$"):
        airflow_internals.slots_of("a_pool")


def test_connections_of_the_database_are_read_by_the_server_side(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.execution_time import supervisor

    monkeypatch.delenv("_AIRFLOW_PROCESS_CONTEXT", raising=False)
    airflow_internals.read_connections_of_the_database()
    assert os.environ["_AIRFLOW_PROCESS_CONTEXT"] == "server"
    backends = supervisor.ensure_secrets_backend_loaded()
    assert "MetastoreBackend" in {type(backend).__name__ for backend in backends}
