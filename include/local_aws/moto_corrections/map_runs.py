"""
A Distributed Map fails when more of its children fail than it tolerates, and reads what it says it reads.

moto counts the failures and goes on: a Map Run whose children all failed succeeds, with null for each result.
https://docs.aws.amazon.com/step-functions/latest/dg/maprun-fail-threshold.html: the thresholds that are given
count, each by itself; without one, a single failure is too much. The result holds what succeeded; what it
says of the rest, no document tells. Of ItemReader:
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html, and
github.com/floci-io/floci/pull/1588 for its errors and for what is said of it in an INLINE map.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval.resource_eval_s3 import (
    ResourceEvalS3,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.item_reader_decl import (
    ItemReader,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (  # noqa: E501
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor.distributed_item_processor_worker import (  # noqa: E501
    DistributedItemProcessorWorker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.itemprocessor.map_run_record import (  # noqa: E501
    MapRunRecord,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iterator.distributed_iterator_worker import (  # noqa: E501
    DistributedIteratorWorker,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.asl.component.state.exec.state_map.tolerated_failure import (
    ToleratedFailureCountDecl,
    ToleratedFailureCountStringJSONata,
    ToleratedFailurePercentageDecl,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from include.local_aws.moto_corrections.failures import failure

EXCEEDED = "States.ExceedToleratedFailureThreshold"
UNREAD = "States.ItemReaderFailed"
INLINE = "The ItemReader, ItemBatcher and ResultWriter fields are not supported for INLINE maps"


class Failed:
    """The result of a child that failed; the class itself, of which copies are the same."""


def install() -> None:
    """Put it in place."""
    for worker in (DistributedItemProcessorWorker, DistributedIteratorWorker):
        _mark_failed(worker)
    _remember_thresholds()
    run = DistributedIterationComponent._map_run

    def map_run(component: DistributedIterationComponent, env: Environment, eval_input: Any) -> None:
        run(component, env, eval_input)
        results = env.stack.pop()
        passed = [result for result in results if result is not Failed]
        if _is_too_much(component, eval_input.map_run_record, len(results) - len(passed), len(results)):
            raise failure(env, "The specified tolerated failure threshold was exceeded", EXCEEDED)
        env.stack.append(passed)

    DistributedIterationComponent._map_run = map_run
    Preprocessor.visitTolerated_failure_count_string_jsonata = _visit_count
    _read()


def _mark_failed(worker: type[Any]) -> None:
    evaluate = worker._eval_job

    def eval_job(self: Any, env: Environment, job: Any) -> None:
        evaluate(self, env, job)
        if not isinstance(env.program_state(), ProgramEnded):
            self._map_run_record.execution_counter.running.offset(-1)
            job.job_output = Failed

    worker._eval_job = eval_job


def _remember_thresholds() -> None:
    take, evaluate = StateMap.from_state_props, StateMap._eval_execution

    def take_props(state: StateMap, props: Any) -> None:
        take(state, props)
        state.iteration_component.counts = props.get(ToleratedFailureCountDecl) is not None
        state.iteration_component.weighs = props.get(ToleratedFailurePercentageDecl) is not None

    def eval_execution(state: StateMap, env: Environment) -> None:
        distributed = isinstance(state.iteration_component, DistributedIterationComponent)
        if not distributed and (state.item_reader or state.result_writer):
            raise failure(env, INLINE)
        evaluate(state, env)

    StateMap.from_state_props = take_props
    StateMap._eval_execution = eval_execution


def _is_too_much(component: Any, record: MapRunRecord, failures: int, total: int) -> bool:
    too_many: bool = failures > record.tolerated_failure_count
    too_large: bool = failures * 100 > record.tolerated_failure_percentage * total
    if component.counts and component.weighs:
        return too_many or too_large
    return too_large if component.weighs else too_many


def _visit_count(reader: Preprocessor, context: Any) -> ToleratedFailureCountStringJSONata:
    # moto takes it for a percentage.
    text = reader.visitString_jsonata(ctx=context.string_jsonata())
    return ToleratedFailureCountStringJSONata(string_jsonata=text)


def _read() -> None:
    evaluate = ItemReader._eval_body

    def eval_body(reader: ItemReader, env: Environment) -> None:
        try:
            evaluate(reader, env)
        except FailureEventException:
            raise
        except Exception as error:
            raise failure(env, str(error), UNREAD) from error

    ItemReader._eval_body = eval_body
    ResourceEvalS3._handle_list_objects_v2 = staticmethod(_list_objects)


def _list_objects(env: Environment, resource: Any, credentials: Any) -> None:
    # moto reads the first page alone, and breaks down at an empty one and at times.
    parameters = env.stack.pop()
    client = ResourceEvalS3._get_s3_client(resource_runtime_part=resource, state_credentials=credentials)
    pages = client.get_paginator("list_objects_v2").paginate(**parameters)
    env.stack.append(
        [
            {
                "Etag": found["ETag"],
                "LastModified": int(found["LastModified"].timestamp()),
                "Key": found["Key"],
                "Size": found["Size"],
                "StorageClass": found["StorageClass"],
            }
            for page in pages
            for found in page.get("Contents", [])
        ]
    )
