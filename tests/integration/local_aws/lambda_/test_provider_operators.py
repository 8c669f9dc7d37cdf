"""The Amazon provider's operators, sensor and hook for Lambda, against the embedded AWS."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from airflow.providers.amazon.aws.operators.lambda_function import (
    LambdaCreateFunctionOperator,
    LambdaInvokeFunctionOperator,
)
from airflow.providers.amazon.aws.sensors.lambda_function import LambdaFunctionStateSensor
from botocore.exceptions import ClientError

from include.archives import archive
from tests.integration.airflow_side import CONN_ID, FakeContext, connect
from tests.integration.embedded_aws import LocalAws
from tests.integration.local_aws.lambda_.lambda_functions import function_role

CODE = archive({"lambda_function.py": b"def test(*args):\n    print('Hello', args[0]['Name'])\n"})


def _context() -> Any:
    return FakeContext("run")


def _create(aws: LocalAws, name: str, runtime: str = "python3.13") -> LambdaCreateFunctionOperator:
    return LambdaCreateFunctionOperator(
        task_id="create",
        function_name=name,
        runtime=runtime,
        role=function_role(aws),
        handler="lambda_function.test",
        code={"ZipFile": CODE},
        aws_conn_id=CONN_ID,
    )


def test_a_function_is_made_waited_for_invoked_and_its_log_read(
    monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws
) -> None:
    connect(monkeypatch, local_aws)
    name, context = f"function-{uuid4().hex}", _context()
    arn = _create(local_aws, name).execute(context)
    assert arn == f"arn:aws:lambda:us-east-1:123456789012:function:{name}"

    sensor = LambdaFunctionStateSensor(task_id="wait", function_name=name, aws_conn_id=CONN_ID)
    assert sensor.poke(context)

    invoke = LambdaInvokeFunctionOperator(
        task_id="invoke", function_name=name, payload=json.dumps({"Name": "XYZ"}), aws_conn_id=CONN_ID
    )
    assert json.loads(invoke.execute(context)) is None

    group, hook = f"/aws/lambda/{name}", AwsLogsHook(aws_conn_id=CONN_ID, region_name="us-east-1")
    logs: Any = hook.conn
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    lines = [event["message"] for event in hook.get_log_events(group, stream["logStreamName"])]
    assert "Hello XYZ" in lines
    logs.delete_log_group(logGroupName=group)
    local_aws.client("lambda").delete_function(FunctionName=name)


def test_a_function_that_fails_fails_its_task(monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws) -> None:
    connect(monkeypatch, local_aws)
    name, context = f"function-{uuid4().hex}", _context()
    _create(local_aws, name).execute(context)
    invoke = LambdaInvokeFunctionOperator(
        task_id="invoke", function_name=name, payload="{}", aws_conn_id=CONN_ID
    )
    with pytest.raises(ValueError, match="Lambda function execution resulted in error"):
        invoke.execute(context)


def test_a_runtime_that_is_gone_fails_the_task_that_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, local_aws: LocalAws
) -> None:
    connect(monkeypatch, local_aws)
    with pytest.raises(ClientError, match=r"The runtime parameter of python3\.7 is no longer supported"):
        _create(local_aws, f"function-{uuid4().hex}", "python3.7").execute(_context())
