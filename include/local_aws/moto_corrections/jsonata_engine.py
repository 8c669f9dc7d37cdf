"""
JSONata, and the variables of JSONPath states too, with jsonata-python in the place of a Java that moto does
not bring.

moto's interpreter has what surrounds it, but calls nothing: every expression and every variable fails. The
library is a port of the one that AWS's interpreter was recorded to agree with (com.dashjoin.jsonata). $hash,
$parse, $random with a seed and $uuid are AWS's own:
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html#jsonata-functions
"""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any
from uuid import uuid4

from jsonata import Jsonata
from jsonata.jexception import JException
from moto.stepfunctions.parser.asl.component.intrinsic import jsonata as functions
from moto.stepfunctions.parser.asl.jsonata import jsonata
from moto.stepfunctions.parser.asl.jsonata.jsonata import JSONataException

from include.local_aws.moto_corrections.replacing import replace_everywhere

ALGORITHMS = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


def install() -> None:
    """Put it in place."""
    jsonata._eval_jsonata = evaluate
    # moto's say that they are not supported, as if that were a hash or an ID; AWS has no $randomSeeded.
    for name in ("$hash", "$parse", "$randomSeeded", "$uuid"):
        functions._DECLARATION_BY_VARIABLE_REFERENCE.pop(name)
    # Within a path or a predicate, $ is what is looked at.
    jsonata._ILLEGAL_VARIABLE_REFERENCES.clear()
    declare = jsonata.encode_jsonata_variable_declarations
    replace_everywhere(declare.__name__, declare, _declared)


def evaluate(expression: str) -> Any:
    """
    The value of an expression, as JSON; None is null or nothing.

    :raises JSONataException: when it is none, or fails.
    """
    try:
        read = Jsonata(expression)
        read.register_lambda("hash", _hash)
        read.register_lambda("parse", json.loads)
        read.register_lambda("random", _random)
        read.register_lambda("uuid", lambda: str(uuid4()))
        # AWS has $parse in its place.
        read.assign("eval", None)
        # A function is no JSON: as a string, it is asked for its type and refused.
        return json.loads(json.dumps(read.evaluate(None), default=lambda _: ""))
    except JException as error:
        raise JSONataException(error.error, f"{error.error}: {error}") from error
    except Exception as error:
        raise JSONataException("UNKNOWN", str(error)) from error


def _random(seed: float | None = None) -> float:
    return random.random() if seed is None else random.Random(seed).random()  # noqa: S311 - JSONata's


def _hash(value: str, algorithm: str = "SHA-1") -> str:
    return ALGORITHMS[algorithm](value.encode()).hexdigest()


def _declared(bindings: dict[str, Any]) -> str:
    # moto puts a string between quotes as it is.
    return "".join(f"{name}:={json.dumps(value, default=str)};" for name, value in bindings.items())
