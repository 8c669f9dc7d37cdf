"""Sandboxes of the embedded Lambda: they begin once, serve many, and tell in their logs what became of it."""

from __future__ import annotations

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from include.archives import archive
from tests.integration.embedded_aws import LocalAws, until
from tests.integration.local_aws.lambda_.lambda_functions import (
    ECHO,
    deployed,
    function_role,
    invoked,
    zipped,
)

COUNTING = """
import os
seen = []
def handler(event, context):
  seen.append(event)
  return {"process": os.getpid(), "seen": seen}
"""
NUMBER = r"\d+\.\d\d"


def _events(aws: LocalAws, name: str, group: str = "") -> list[str]:
    logs, group = aws.client("logs"), group or f"/aws/lambda/{name}"
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    found = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])
    return [event["message"] for event in found["events"]]


def test_a_function_begins_once_and_serves_many(local_aws: LocalAws) -> None:
    name = deployed(local_aws, COUNTING)
    first, second = (invoked(local_aws, name, number) for number in (1, 2))
    assert first["Payload"]["seen"] == [1]
    assert second["Payload"] == {"process": first["Payload"]["process"], "seen": [1, 2]}
    assert re.search(rf"\tInit Duration: {NUMBER} ms\t\n$", first["LogResult"])
    assert "Init Duration" not in second["LogResult"]


@pytest.mark.parametrize("what", ["code", "configuration"])
def test_new_code_and_new_settings_begin_anew(local_aws: LocalAws, what: str) -> None:
    name, client = deployed(local_aws, COUNTING), local_aws.client("lambda")
    before = invoked(local_aws, name, 1)["Payload"]
    if what == "code":
        client.update_function_code(FunctionName=name, ZipFile=zipped(f"{COUNTING}\n# changed"))
    else:
        client.update_function_configuration(FunctionName=name, Environment={"Variables": {"MODE": "1"}})
    after = invoked(local_aws, name, 2)["Payload"]
    assert after["seen"] == [2]
    assert after["process"] != before["process"]
    until(lambda: not Path(f"/proc/{before['process']}").exists())


def test_a_function_that_is_made_again_begins_anew(local_aws: LocalAws) -> None:
    name = deployed(local_aws, COUNTING)
    assert invoked(local_aws, name, 1)["Payload"]["seen"] == [1]
    local_aws.client("lambda").delete_function(FunctionName=name)
    deployed(local_aws, COUNTING, FunctionName=name)
    assert invoked(local_aws, name, 2)["Payload"]["seen"] == [2]


def test_what_is_asked_at_the_same_time_runs_at_the_same_time(local_aws: LocalAws, tmp_path: Path) -> None:
    code = """
import os, pathlib, time
def handler(event, context):
  place = pathlib.Path(event)
  (place / str(os.getpid())).touch()
  while len(list(place.iterdir())) < 2:
    time.sleep(0.01)
  return os.getpid()
"""
    name = deployed(local_aws, code, Timeout=30)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: invoked(local_aws, name, str(tmp_path)), range(2)))
    assert len({answer["Payload"] for answer in answers}) == 2


def test_after_a_time_out_the_function_begins_anew(local_aws: LocalAws) -> None:
    code = f"import time\n{COUNTING}".replace("  seen", "  time.sleep(event)\n  seen")
    name = deployed(local_aws, code, Timeout=1)
    before = invoked(local_aws, name, 0)["Payload"]
    late = invoked(local_aws, name, 60)
    request = late["ResponseMetadata"]["RequestId"]
    assert late["FunctionError"] == "Unhandled"
    assert late["Payload"] == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request} Error: Task timed out after 1.00 seconds",
    }
    assert f"Z {request} Task timed out after 1.00 seconds\n" in late["LogResult"]
    assert "\tStatus: timeout\t" in late["LogResult"]
    after = invoked(local_aws, name, 0)["Payload"]
    assert after["seen"] == [0]
    assert after["process"] != before["process"]


def test_a_function_that_takes_more_memory_than_it_has_is_killed(local_aws: LocalAws) -> None:
    code = "import time\ndef handler(event, context):\n  held = b'x' * 200_000_000\n  time.sleep(60)"
    answer = invoked(local_aws, deployed(local_aws, code, MemorySize=128, Timeout=30))
    assert answer["Payload"]["errorType"] == "Runtime.OutOfMemory"
    assert answer["Payload"]["errorMessage"].endswith("Runtime exited with error: signal: killed")


def test_a_handler_is_told_what_awss_are(local_aws: LocalAws) -> None:
    code = """
import os
def handler(event, context):
  names = ("function_name", "function_version", "invoked_function_arn", "memory_limit_in_mb",
           "aws_request_id", "log_group_name", "log_stream_name")
  return {
    **{name: getattr(context, name) for name in names},
    "left": context.get_remaining_time_in_millis(),
    "custom": context.client_context.custom,
    "environment": dict(os.environ),
  }
"""
    name = deployed(local_aws, code, Timeout=20, MemorySize=256, Environment={"Variables": {"MINE": "1"}})
    context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()
    answer = invoked(local_aws, name, ClientContext=context)
    told = answer["Payload"]
    environment = told.pop("environment")
    left = told.pop("left")
    stream = told.pop("log_stream_name")
    assert told == {
        "function_name": name,
        "function_version": "$LATEST",
        "invoked_function_arn": f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        "memory_limit_in_mb": "256",
        "aws_request_id": answer["ResponseMetadata"]["RequestId"],
        "log_group_name": f"/aws/lambda/{name}",
        "custom": {"a": "b"},
    }
    assert 0 < left <= 20_000
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
    expected = {
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": f"role.{function_role(local_aws).rpartition('/')[2]}",
        "_HANDLER": "main.handler",
        "TZ": ":UTC",
        "MINE": "1",
    }
    assert {key: environment.get(key) for key in expected} == expected
    assert {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API"} <= environment.keys()
    assert {"LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "_X_AMZN_TRACE_ID"} <= environment.keys()


def test_a_log_is_awss_line_by_line(local_aws: LocalAws) -> None:
    code = """
import logging
print("begun")
def handler(event, context):
  print("printed")
  logging.getLogger().setLevel(logging.INFO)
  logging.info("two\\nlines")
  raise ValueError("no")
"""
    name = deployed(local_aws, code)
    answer = invoked(local_aws, name)
    request = answer["ResponseMetadata"]["RequestId"]
    begin, begun, *messages = _events(local_aws, name)
    assert re.fullmatch(r"INIT_START Runtime Version: python:3\.\d+\.\d+", begin)
    assert begun == "begun"
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    patterns = [
        rf"START RequestId: {request} Version: \$LATEST",
        "printed",
        rf"\[INFO\]\t{time}\t{request}\ttwo\nlines",
        r"\[ERROR\] ValueError: no\nTraceback \(most recent call last\):\n\xa0\xa0File .*main\.py.*(\n.*)+",
        rf"END RequestId: {request}",
        rf"REPORT RequestId: {request}\tDuration: {NUMBER} ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        rf"Max Memory Used: \d+ MB\tInit Duration: {NUMBER} ms\t",
    ]
    assert len(messages) == len(patterns)
    for message, pattern in zip(messages, patterns, strict=True):
        assert re.fullmatch(pattern, message), message
    assert answer["LogResult"] == "".join(f"{message}\n" for message in messages)
    (file,) = (local_aws.state_dir / "logs" / "lambda").glob(f"{name}-{request}.log")
    assert file.read_text().endswith(answer["LogResult"])


def test_a_log_in_json_has_levels(local_aws: LocalAws) -> None:
    code = """
import logging
def handler(event, context):
  logging.info("left out")
  logging.warning("kept", extra={"model": "m"})
"""
    group = f"/mine/{uuid4().hex}"
    config = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "LogGroup": group}
    name = deployed(local_aws, code, LoggingConfig=config)
    described = local_aws.client("lambda").get_function_configuration(FunctionName=name)
    assert described["LoggingConfig"] == {**config, "SystemLogLevel": "INFO"}
    request = invoked(local_aws, name)["ResponseMetadata"]["RequestId"]
    _, start, line, report = map(json.loads, _events(local_aws, name, group))
    assert start["type"] == "platform.start"
    assert start["record"]["requestId"] == request
    assert (line["level"], line["message"], line["model"]) == ("WARNING", "kept", "m")
    assert line["requestId"] == request
    assert report["type"] == "platform.report"
    assert report["record"]["status"] == "success"
    assert report["record"]["metrics"]["durationMs"] > 0


def test_what_a_function_writes_can_be_read_while_it_runs(local_aws: LocalAws) -> None:
    code = "import time\ndef handler(event, context):\n  print('at work')\n  time.sleep(2)"
    name = deployed(local_aws, code, Timeout=3)
    local_aws.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload="{}")
    logs = local_aws.client("logs")
    until(
        lambda: (
            logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
            and "at work" in _events(local_aws, name)
        )
    )


def test_a_version_and_an_alias_run_what_they_name(local_aws: LocalAws) -> None:
    code = (
        "def handler(event, context):\n  return [{}, context.function_version, context.invoked_function_arn]"
    )
    client = local_aws.client("lambda")
    name = deployed(local_aws, code.replace("{}", "'old'"), Publish=True)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    client.update_function_code(FunctionName=name, ZipFile=zipped(code.replace("{}", "'new'")))
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    latest = invoked(local_aws, name)
    assert latest["Payload"] == ["new", "$LATEST", arn]
    assert latest["ExecutedVersion"] == "$LATEST"
    for old in (invoked(local_aws, name, Qualifier="live"), invoked(local_aws, f"{arn}:live")):
        assert old["Payload"] == ["old", "1", f"{arn}:live"]
        assert old["ExecutedVersion"] == "1"
    client.publish_version(FunctionName=name)
    client.update_alias(
        FunctionName=name, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}}
    )
    shifted = invoked(local_aws, name, Qualifier="live")
    assert (shifted["Payload"][:2], shifted["ExecutedVersion"]) == (["new", "2"], "2")
    with pytest.raises(client.exceptions.ResourceNotFoundException, match=f"Function not found: {arn}:7"):
        client.invoke(FunctionName=name, Qualifier="7")
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="derived qualifier"):
        client.invoke(FunctionName=f"{name}:1", Qualifier="live")


def test_a_layer_is_on_the_path_of_its_functions(local_aws: LocalAws) -> None:
    content = {"ZipFile": archive({"python/shared.py": b"ANSWER = 42"})}
    layer = local_aws.client("lambda").publish_layer_version(LayerName="shared", Content=content)
    code = "import shared\ndef handler(event, context):\n  return shared.ANSWER"
    name = deployed(local_aws, code, Layers=[layer["LayerVersionArn"]])
    assert invoked(local_aws, name)["Payload"] == 42


def test_the_sdk_calls_this_very_aws_with_the_functions_role(local_aws: LocalAws) -> None:
    code = "import boto3\ndef handler(event, context):\n  return boto3.client('sts').meta.endpoint_url"
    name = deployed(local_aws, code, MemorySize=256, Timeout=30)
    assert invoked(local_aws, name)["Payload"] == local_aws.endpoint_url


@pytest.mark.parametrize(("kind", "largest"), [("RequestResponse", 6 * 1024 * 1024), ("Event", 1024 * 1024)])
def test_an_event_that_is_too_large_is_refused(local_aws: LocalAws, kind: str, largest: int) -> None:
    name, client = deployed(local_aws, ECHO), local_aws.client("lambda")
    payload = json.dumps("x" * (largest - 1))
    with pytest.raises(client.exceptions.RequestTooLargeException, match=f"smaller than {largest} bytes"):
        client.invoke(FunctionName=name, InvocationType=kind, Payload=payload)


def test_an_answer_that_is_too_large_is_an_error_and_the_next_is_not(local_aws: LocalAws) -> None:
    name = deployed(
        local_aws, "def handler(event, context):\n  return 'x' * event", MemorySize=256, Timeout=30
    )
    large = invoked(local_aws, name, 6_300_000)
    assert large["FunctionError"] == "Unhandled"
    assert large["Payload"] == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    assert invoked(local_aws, name, 6_100_000)["Payload"] == "x" * 6_100_000


def test_an_event_that_is_no_json_is_refused(local_aws: LocalAws) -> None:
    name, client = deployed(local_aws, ECHO), local_aws.client("lambda")
    with pytest.raises(
        client.exceptions.InvalidRequestContentException, match="Could not parse request body"
    ):
        client.invoke(FunctionName=name, Payload="{")


def test_a_dry_run_runs_nothing(local_aws: LocalAws) -> None:
    name = deployed(local_aws, ECHO)
    answer = local_aws.client("lambda").invoke(FunctionName=name, InvocationType="DryRun")
    assert answer["StatusCode"] == 204
    assert not list((local_aws.state_dir / "logs").glob(f"lambda/{name}-*"))


def test_without_concurrency_nothing_runs(local_aws: LocalAws) -> None:
    name, client = deployed(local_aws, ECHO), local_aws.client("lambda")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(client.exceptions.TooManyRequestsException) as refused:
        client.invoke(FunctionName=name)
    answer: dict[str, Any] = refused.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert answer["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    client.delete_function_concurrency(FunctionName=name)
    assert invoked(local_aws, name, 1)["Payload"] == 1
