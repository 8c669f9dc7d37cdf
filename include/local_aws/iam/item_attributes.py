"""
Which attributes of an item a request of DynamoDB names; policies can ask for them as ``dynamodb:Attributes``:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

EXPRESSIONS = ("UpdateExpression", "ConditionExpression", "ProjectionExpression", "FilterExpression")
# A name, or what stands for one; not a value, a part of a document, nor a function.
_NAME = re.compile(r"(?<![\w:.#])#?[A-Za-z_]\w*\b(?!\s*\()")
KEYWORDS = {"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "IN", "BETWEEN"}


def accessed(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """
    Name the attributes.

    :param parameters: the request's, by boto3's names.
    """
    return tuple(sorted(set(_named(parameters))))


def _named(parameters: Mapping[str, Any]) -> Iterator[str]:
    for whole in ("Key", "Item"):
        if isinstance(parameters.get(whole), Mapping):
            yield from parameters[whole]
    names = parameters.get("ExpressionAttributeNames", {})
    for expression in EXPRESSIONS:
        for name in _NAME.findall(parameters.get(expression) or ""):
            if name.upper() not in KEYWORDS:
                yield names.get(name, name)
