"""Errors as AWS writes them, in the protocol of whoever asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from include.local_aws.faults.kinds import FailCall
from include.local_aws.operations import Operation


def refuse(operation: Operation, error: FailCall, start_response: Callable[..., Any]) -> list[bytes]:
    """Answer a WSGI request with an error."""
    xml = f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
    bodies = {
        "json": json.dumps({"__type": error.code, "message": error.message}),
        # EC2's differs from that of the other query services: botocore's EC2QueryParser.
        "query": f"<Response><Errors>{xml}</Errors></Response>"
        if operation.service == "ec2"
        else f"<ErrorResponse>{xml}</ErrorResponse>",
        "rest-xml": xml,
    }
    body = bodies[operation.protocol].encode()
    headers = [
        ("Content-Length", str(len(body))),
        ("x-amzn-errortype", error.code),
        ("x-amzn-RequestId", str(uuid4())),
    ]
    start_response(f"{error.status} Refused", headers)
    return [body]
