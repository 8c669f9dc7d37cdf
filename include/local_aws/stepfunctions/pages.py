"""Pages of a list, as Step Functions gives them."""

from __future__ import annotations

import base64
import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from moto.stepfunctions.parser.api import InvalidToken
from moto.stepfunctions.responses import StepFunctionResponse

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html: 0 means the default.
DEFAULT_RESULTS = 100

T = TypeVar("T")


def page(
    response: StepFunctionResponse,
    items: Sequence[T],
    key: Callable[[T], Any],
    default: int = DEFAULT_RESULTS,
) -> tuple[Sequence[T], str | None]:
    """
    The page that a request asks for, and the token of the next one.

    A token tells the key of the last item given, not its place: what comes and goes between two requests
    leaves nothing else out.

    :param items: all of them, sorted by ``key``.
    :param key: of an item; has to be JSON.
    :raises InvalidToken: for a token that this list did not give.
    """
    begin = 0
    if token := response._get_param("nextToken"):
        try:
            last = json.loads(base64.b64decode(token, validate=True))
            begin = bisect_right(items, last, key=key)
        except (ValueError, TypeError) as error:
            raise InvalidToken() from error
    end = begin + (response._get_int_param("maxResults") or default)
    if end >= len(items):
        return items[begin:], None
    return items[begin:end], base64.b64encode(json.dumps(key(items[end - 1])).encode()).decode()
