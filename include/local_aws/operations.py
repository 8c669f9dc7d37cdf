"""Which operation of which service a request asks for, by the names that boto3 gives them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from botocore.exceptions import UnknownServiceError
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.moto_server.werkzeug_app import UNSIGNED_ACTIONS
from werkzeug.exceptions import HTTPException

# Where the name that requests are signed with is not that of the client.
CLIENT_NAMES = {
    "states": "stepfunctions",
    "monitoring": "cloudwatch",
    "tagging": "resourcegroupstaggingapi",
    "servicequotas": "service-quotas",
    "s3-object-lambda": "s3",
}

# Paths of SageMaker's runtime, whose requests are signed as SageMaker's are.
INVOCATIONS = re.compile(r"/(async-)?invocations(-response-stream)?$")


@dataclass(frozen=True)
class Operation:
    """
    What a request asks for.

    :param protocol: how errors are written: json, query or rest-xml.
    """

    service: str
    name: str
    region: str
    protocol: str

    def __str__(self) -> str:
        return f"{self.service}.{self.name}"


def operation_of(environ: dict[str, Any], form: str | None) -> Operation:
    """
    Read a WSGI request's headers, path and form.

    :param form: the body of a request that carries its action in a form.
    """
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    region, signed = (scope[2], scope[3]) if len(scope) == 5 else ("", "s3")
    service = CLIENT_NAMES.get(signed, signed)
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return Operation(service, target.rpartition(".")[2], region, "json")
    if action := parse_qs(form or "").get("Action"):
        service = UNSIGNED_ACTIONS.get(action[0], (service, ""))[0]
        return Operation(service, action[0], region, "query")
    if service == "sagemaker" and INVOCATIONS.search(environ["PATH_INFO"]):
        service = "sagemaker-runtime"
    protocol = "rest-xml" if service.startswith("s3") else "json"
    return Operation(service, _matched(service, environ), region, protocol)


def _matched(service: str, environ: dict[str, Any]) -> str:
    try:
        operation, _ = get_service_router(service).match(Request(dict(environ)))
    except (HTTPException, NotImplementedError, UnknownServiceError):
        return str(environ["REQUEST_METHOD"])
    return str(operation.name)
