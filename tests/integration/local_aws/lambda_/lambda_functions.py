"""Makes Lambda functions for tests, and invokes them."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any
from uuid import uuid4

from include.archives import archive
from tests.integration.embedded_aws import LocalAws

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
ECHO = "def handler(event, context):\n  return event"


@cache
def function_role(aws: LocalAws) -> str:
    """ARN of a role that Lambda can take."""
    name = f"role-{uuid4().hex}"
    made = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    return str(made["Role"]["Arn"])


def zipped(code: str) -> bytes:
    """The zip of a module called main."""
    return archive({"main.py": code.encode()})


def deployed(aws: LocalAws, code: str | bytes, **settings: Any) -> str:
    """
    Make a function, and give its name.

    :param code: a module with a function called handler, or a whole zip.
    :param settings: parameters of CreateFunction.
    """
    name = f"function-{uuid4().hex}"
    aws.client("lambda").create_function(
        **{
            "FunctionName": name,
            "Role": function_role(aws),
            "Code": {"ZipFile": code if isinstance(code, bytes) else zipped(code)},
            "Runtime": "python3.13",
            "Handler": "main.handler",
            **settings,
        }
    )
    return name


def invoked(aws: LocalAws, name: str, event: object = None, **more: Any) -> dict[str, Any]:
    """Invoke a function; Payload and LogResult of the answer are read."""
    request = {"Payload": json.dumps(event), "LogType": "Tail", **more}
    answer = aws.client("lambda").invoke(FunctionName=name, **request)
    log = base64.b64decode(answer.get("LogResult", "")).decode()
    return {**answer, "Payload": json.loads(answer["Payload"].read()), "LogResult": log}
