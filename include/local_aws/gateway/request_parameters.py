"""What a request says, read once for whatever judges it before a service sees it."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from botocore.exceptions import UnknownServiceError
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import HTTPException

from include.local_aws.operations import Operation
from include.local_aws.validation.constraints import Parameters

# Requests whose body matters to what they need, of a service whose bodies may be large.
S3_BODIES = ("DeleteObjects",)


def parameters_of(environ: dict[str, Any], operation: Operation) -> tuple[OperationModel, Parameters] | None:
    """
    Read a request by its operation's model; its body is left to be read again.

    :return: the model, and the parameters by boto3's names; None for what is no request of a service.
    """
    body = b""
    if operation.service != "s3" or operation.name in S3_BODIES:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
    request = Request({**environ, "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))})
    try:
        service = get_service_model(operation.service)
        model, in_path = get_service_router(operation.service).match(request)
        parser = PROTOCOL_PARSERS[determine_request_protocol(service, request.content_type)](model)
        return model, parser.parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": body,
                "url_path": request.path,
                "url_params": in_path,
            }
        )
    except (
        HTTPException,
        NotImplementedError,
        UnknownServiceError,
        RequestParserError,
        json.JSONDecodeError,
    ):
        return None
