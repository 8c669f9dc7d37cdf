"""A compiled definition is filled in whole, and what an account lacks leaves no trace."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from retraining.errors import CompileError
from retraining.workflow.compiler import WorkflowCompiler
from retraining.workflow.substitution import Value, fill_in
from retraining.workflow.surroundings import NAMED
from tests.unit.conftest import FLIGHT_DELAY, SURROUNDINGS

VALUES: dict[str, Value] = {"Bucket": "b", "Key": "", "Subnets": ("s-1", "s-2"), "Groups": ()}


@pytest.mark.parametrize(
    ("compiled", "filled"),
    [
        ({"a": "${Bucket}"}, {"a": "b"}),
        ({"a": "States.Format('s3://${Bucket}/{}', $.x)"}, {"a": "States.Format('s3://b/{}', $.x)"}),
        ({"a": ["${Subnets}"]}, {"a": ["s-1", "s-2"]}),
        ({"a": ["s-0", "${Subnets}"]}, {"a": ["s-0", "s-1", "s-2"]}),
        ({"a": 1, "key": "${Key}"}, {"a": 1}),
        ({"a": 1, "vpc": {"groups": ["${Groups}"], "key": "${Key}"}}, {"a": 1}),
        (
            {"a": {}, "b": [], "c": None, "d": ["${Bucket}", 2, True]},
            {"a": {}, "b": [], "c": None, "d": ["b", 2, True]},
        ),
        ({"a": "$.Metrics", "b": "$$.Execution.Id"}, {"a": "$.Metrics", "b": "$$.Execution.Id"}),
    ],
)
def test_names_become_values_and_nothing_becomes_nothing(compiled: Any, filled: Any) -> None:
    assert fill_in(compiled, VALUES) == filled


@pytest.mark.parametrize("text", ["${Nobody}", "s3://${Nobody}/x", "s3://${Key}/x", "x ${Subnets}"])
def test_what_cannot_be_filled_in_is_named(text: str) -> None:
    name = text[text.index("$") : text.index("}") + 1]
    with pytest.raises(CompileError) as raised:
        fill_in({"a": text}, VALUES)
    assert name in str(raised.value)


def test_a_compiled_model_knows_no_account(compiler: WorkflowCompiler) -> None:
    text = compiler.compiled(FLIGHT_DELAY)
    definition = json.dumps(json.loads(text)["definition"])
    assert "arn:aws" not in definition
    assert NAMED.training_role not in definition
    assert ".dkr.ecr." not in definition
    assert "us-east-1" not in definition


def test_a_network_and_a_key_are_there_where_the_account_has_them(compiler: WorkflowCompiler) -> None:
    without = json.loads(compiler.compile(FLIGHT_DELAY, SURROUNDINGS, "s3://b/t.sql"))["States"]
    aws = replace(SURROUNDINGS, subnets=("s-1", "s-2"), security_groups=("g-1",), kms_key="a-key")
    within = json.loads(compiler.compile(FLIGHT_DELAY, aws, "s3://b/t.sql"))["States"]
    network = {"Subnets": ["s-1", "s-2"], "SecurityGroupIds": ["g-1"]}
    for state in ("Train", "Create model"):
        assert "VpcConfig" not in without[state]["Parameters"]
        assert within[state]["Parameters"]["VpcConfig"] == network
    assert within["Create endpoint config"]["Parameters"]["KmsKeyId"] == "a-key"
    assert "${" not in json.dumps([without, within])
