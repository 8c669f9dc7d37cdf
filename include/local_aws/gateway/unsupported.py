"""Calls that nothing here implements: a clear error, where moto answers 500 and clients try again."""

from __future__ import annotations

import json
import logging
from typing import Any

from moto.core.responses import BaseResponse

log = logging.getLogger(__name__)

CODE = "NotImplementedException"


def install() -> None:
    """Turn an action that is not implemented into an error that clients read and do not try again."""
    call = BaseResponse.call_action

    def call_action(response: BaseResponse) -> Any:
        try:
            return call(response)
        except NotImplementedError:
            message = f"The embedded AWS does not support {response.service_name}:{response._get_action()}"
            log.error(message)
            headers = {"status": "501", "x-amzn-errortype": CODE}
            if "json" in response.headers.get("Content-Type", ""):
                return 501, headers, json.dumps({"__type": CODE, "message": message})
            error = f"<Error><Type>Sender</Type><Code>{CODE}</Code><Message>{message}</Message></Error>"
            return 501, headers, f"<ErrorResponse>{error}</ErrorResponse>"

    BaseResponse.call_action = call_action
