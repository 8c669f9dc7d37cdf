"""Map states: what a Distributed Map reads and tolerates, and what there is none of here."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.embedded_aws import LocalAws, until
from tests.integration.state_machines import WAIT, create_machine, ended, start

DISTRIBUTED = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
# Of the items 1, 2 and 3 the last one fails.
SORT = {
    "Type": "Choice",
    "Choices": [{"Variable": "$", "NumericGreaterThan": 2, "Next": "Bad"}],
    "Default": "Good",
}
STATES = {"Sort": SORT, "Bad": {"Type": "Fail", "Error": "Bad"}, "Good": {"Type": "Pass", "End": True}}
EXCEEDED = (
    "States.ExceedToleratedFailureThreshold",
    "The specified tolerated failure threshold was exceeded",
)


def _map(
    states: dict[str, Any], processor: dict[str, Any] | None = DISTRIBUTED, **fields: Any
) -> dict[str, Any]:
    inner = {"StartAt": next(iter(states)), "States": states}
    if processor:
        inner["ProcessorConfig"] = processor
    return {"Type": "Map", "ItemProcessor": inner, "End": True, **fields}


def _run(aws: LocalAws, state: dict[str, Any], given: object) -> dict[str, Any]:
    return ended(aws, start(aws, create_machine(aws, state), given))


@pytest.mark.parametrize(
    ("tolerated", "passes"),
    [
        ({}, False),
        ({"ToleratedFailureCount": 0}, False),
        ({"ToleratedFailureCount": 1}, True),
        ({"ToleratedFailurePercentage": 34}, True),
        ({"ToleratedFailurePercentage": 33.3}, False),
        ({"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 20}, False),
        ({"ToleratedFailureCount": 0, "ToleratedFailurePercentage": 50}, False),
        ({"ToleratedFailureCountPath": "$.n"}, True),
        (
            {"QueryLanguage": "JSONata", "ToleratedFailureCount": "{% $states.input.n %}"},
            True,
        ),
        ({"QueryLanguage": "JSONata", "ToleratedFailureCount": "{% $states.input.n - 1 %}"}, False),
        ({"QueryLanguage": "JSONata", "ToleratedFailurePercentage": "{% 33.5 %}"}, True),
    ],
)
def test_a_map_run_tolerates_no_more_failures_than_it_says(
    local_aws: LocalAws, tolerated: dict[str, Any], passes: bool
) -> None:
    items: dict[str, Any] = (
        {"Items": "{% $states.input.a %}"} if "QueryLanguage" in tolerated else {"ItemsPath": "$.a"}
    )
    execution = start(
        local_aws, create_machine(local_aws, _map(STATES, **items, **tolerated)), {"a": [1, 2, 3], "n": 1}
    )
    found = ended(local_aws, execution)
    if passes:
        assert json.loads(found["output"]) == [1, 2], found
    else:
        assert (found["error"], found["cause"]) == EXCEEDED
    states = local_aws.client("stepfunctions")
    [listed] = states.list_map_runs(executionArn=execution)["mapRuns"]
    run = states.describe_map_run(mapRunArn=listed["mapRunArn"])
    assert run["status"] == ("SUCCEEDED" if passes else "FAILED")
    counts = {name: count for name, count in run["itemCounts"].items() if count}
    assert counts == {"succeeded": 2, "failed": 1, "total": 3, "resultsWritten": 2}
    assert run["executionCounts"]["running"] == 0


def test_an_inline_map_tolerates_nothing(local_aws: LocalAws) -> None:
    found = _run(local_aws, _map(STATES, None), [1, 2, 3])
    assert found["error"] == "Bad"


def test_a_map_that_tolerated_too_little_can_be_caught(local_aws: LocalAws) -> None:
    catch = [{"ErrorEquals": [EXCEEDED[0]], "Next": "State1"}]
    state = _map(STATES, Catch=catch)
    del state["End"]
    machine = create_machine(local_aws, state, {"Type": "Succeed"})
    assert json.loads(ended(local_aws, start(local_aws, machine, [3]))["output"])["Error"] == EXCEEDED[0]


def test_a_map_run_ends_with_its_execution(local_aws: LocalAws) -> None:
    states = local_aws.client("stepfunctions")
    execution = start(local_aws, create_machine(local_aws, _map({"Wait": WAIT})), [1])
    until(lambda: states.list_map_runs(executionArn=execution)["mapRuns"])
    states.stop_execution(executionArn=execution)
    assert ended(local_aws, execution)["status"] == "ABORTED"


@pytest.fixture(scope="module")
def bucket(local_aws: LocalAws) -> str:
    """A bucket with what item readers read."""
    name, s3 = f"items-{uuid4().hex}", local_aws.client("s3")
    s3.create_bucket(Bucket=name)
    for key, body in {"json": '[{"a": 1}, {"a": 2}]', "csv": "a,b\n1,2\n3,4\n", "broken": "{"}.items():
        s3.put_object(Bucket=name, Key=key, Body=body)
    return name


def _reader(bucket: str, key: str, call: str = "getObject", **config: Any) -> dict[str, Any]:
    of_list = call != "getObject"
    given = {"Bucket": bucket, ("Prefix" if of_list else "Key"): key}
    return {
        "Resource": f"arn:aws:states:::s3:{call}",
        "Parameters": given,
        **({} if of_list else {"ReaderConfig": config}),
    }


GOOD = {"Good": {"Type": "Pass", "End": True}}


def test_items_are_read_from_s3(local_aws: LocalAws, bucket: str) -> None:
    for reader, items in (
        (_reader(bucket, "json", InputType="JSON"), [{"a": 1}, {"a": 2}]),
        (_reader(bucket, "json", InputType="JSON", MaxItems=1), [{"a": 1}]),
        (
            _reader(bucket, "csv", InputType="CSV", CSVHeaderLocation="FIRST_ROW"),
            [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}],
        ),
        (_reader(bucket, "nothing", "listObjectsV2"), []),
    ):
        found = _run(local_aws, _map(GOOD, ItemReader=reader), {})
        assert found["status"] == "SUCCEEDED", found
        assert json.loads(found["output"]) == items


@pytest.mark.heavy
def test_a_list_of_objects_is_read_to_its_end(local_aws: LocalAws, bucket: str) -> None:
    s3 = local_aws.client("s3")
    for number in range(1001):
        s3.put_object(Bucket=bucket, Key=f"many/{number:04}", Body=b"1")
    state = _map(GOOD, ItemReader=_reader(bucket, "many/", "listObjectsV2"))
    found = _run(
        local_aws, {**state, "ResultSelector": {"n.$": "States.ArrayLength($)", "last.$": "$[1000]"}}, {}
    )
    shown = json.loads(found["output"])
    assert (shown["n"], shown["last"]["Key"], shown["last"]["Size"]) == (1001, "many/1000", 1)
    assert {*shown["last"]} == {"Etag", "Key", "LastModified", "Size", "StorageClass"}
    assert isinstance(shown["last"]["LastModified"], int)


@pytest.mark.parametrize("key", ["nobody", "broken"])
def test_what_cannot_be_read_fails_the_map(local_aws: LocalAws, bucket: str, key: str) -> None:
    found = _run(local_aws, _map(GOOD, ItemReader=_reader(bucket, key, InputType="JSON")), {})
    assert found["error"] == "States.ItemReaderFailed"


def test_an_inline_map_reads_nothing(local_aws: LocalAws, bucket: str) -> None:
    found = _run(local_aws, _map(GOOD, None, ItemReader=_reader(bucket, "json", InputType="JSON")), {})
    assert found["error"] == "States.Runtime"
    assert found["cause"].endswith(
        "The ItemReader, ItemBatcher and ResultWriter fields are not supported for INLINE maps"
    )


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"ItemBatcher": {"MaxItemsPerBatch": 2}}, "ItemBatcher"),
        ({"QueryLanguage": "JSONata", "ItemSelector": "{% $states.input %}"}, "ItemSelector"),
        ({"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {}}}, "ResultWriter"),
        ({"ItemReader": _reader("b", "k", InputType="JSONL")}, "ItemReader/ReaderConfig/InputType"),
        (
            {"ItemReader": _reader("b", "k", InputType="CSV", CSVDelimiter="TAB")},
            "ItemReader/ReaderConfig/CSVDelimiter",
        ),
    ],
)
def test_what_maps_have_not_here_is_refused_by_name(
    local_aws: LocalAws, fields: dict[str, Any], place: str
) -> None:
    states = local_aws.client("stepfunctions")
    with pytest.raises(
        states.exceptions.InvalidDefinition, match=rf"embedded AWS .* at /States/State0/{place}"
    ):
        create_machine(local_aws, _map(GOOD, **fields))
