"""What the fields of faults may hold."""

from __future__ import annotations

import difflib
import re
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import UnknownServiceError

JOB_SERVICES = ("sagemaker", "glue")
# Fields of text that may be empty.
OPTIONAL = ("contains",)


class FaultError(ValueError):
    """A fault that makes no sense; says which field, its value and what is allowed."""


def check(name: str, value: Any) -> None:
    """
    Check one field of a fault.

    :raises FaultError: when its value is not allowed.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = number and isinstance(value, int)
    rules: dict[str, tuple[bool, str]] = {
        "rate": (number and 0 <= value <= 1, "0 to 1"),
        "seconds": (number and 0 <= value <= 3600, "0 to 3600"),
        "status": (whole and 400 <= value <= 599, "400 to 599"),
        "times": (value is None or (whole and value >= 1), "a whole number from 1, or null"),
        "seed": (whole, "a whole number"),
        "service": (value in JOB_SERVICES, " and ".join(JOB_SERVICES)),
    }
    allowed, words = rules.get(name, (isinstance(value, str) and (value != "" or name in OPTIONAL), "text"))
    if not allowed:
        raise FaultError(f"{name}: {value!r} is not allowed; allowed: {words}")
    if name == "operation":
        _check_operation(value)


def _check_operation(value: str) -> None:
    service, _, operation = value.partition(".")
    if re.search(r"[*?\[]", value):
        return
    known = _operations(service)
    if operation not in known:
        near = difflib.get_close_matches(operation, known, 1)
        hint = f"; did you mean {service}.{near[0]}?" if near else ""
        raise FaultError(
            f"operation: {value!r} is none; allowed: <service>.<Operation> as boto3 names them,"
            f" or a pattern such as stepfunctions.*{hint}"
        )


@cache
def _operations(service: str) -> list[str]:
    try:
        return list(botocore.session.get_session().get_service_model(service).operation_names)
    except UnknownServiceError:
        return []
