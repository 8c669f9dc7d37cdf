"""
Whether policies allow an action: IAM's own rule, for the part of the policy language that is used here.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

Document = Mapping[str, Any]


class UnknownConditionError(NotImplementedError):
    """A policy has a condition that nothing here can judge."""


@dataclass(frozen=True)
class Need:
    """
    What a request needs to be allowed.

    :param action: IAM's name of it, such as ``states:StartExecution``.
    :param resource: an ARN, or ``*`` where AWS offers no resource level.
    :param context: what conditions can ask for, by key, such as ``s3:prefix``; of a key that may have several
        values, all of them.
    """

    action: str
    resource: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict, hash=False)


def is_allowed(documents: Iterable[Document], need: Need) -> bool:
    """
    Whether some statement allows it and none denies it.

    :raises UnknownConditionError: when that depends on a condition that is not known here.
    """
    effects = {
        statement["Effect"]
        for document in documents
        for statement in _list(document["Statement"])
        if _applies(statement, need)
    }
    return effects == {"Allow"}


def _applies(statement: Mapping[str, Any], need: Need) -> bool:
    return (
        any(_like(pattern.lower(), need.action.lower()) for pattern in _list(statement["Action"]))
        and any(_like(pattern, need.resource) for pattern in _list(statement["Resource"]))
        and all(
            _holds(operator, _list(wanted), need.context.get(key))
            for operator, conditions in statement.get("Condition", {}).items()
            for key, wanted in conditions.items()
        )
    )


def _holds(operator: str, wanted: list[str], value: str | tuple[str, ...] | None) -> bool:
    test = OPERATORS.get(operator.removesuffix(IF_EXISTS).removeprefix(FOR_ALL))
    of_all = operator.startswith(FOR_ALL)
    if test is None or (isinstance(value, tuple) and not of_all):
        raise UnknownConditionError(f"{operator} is not known; {', '.join(OPERATORS)} are")
    if of_all:
        # It holds where there is no value, too.
        values = value if isinstance(value, tuple) else filter(None, [value])
        return all(any(test(str(item), one) for item in wanted) for one in values)
    if not isinstance(value, str):
        # A key that the request does not have makes a condition fail.
        return operator.endswith(IF_EXISTS)
    return any(test(str(item), value) for item in wanted)


def _like(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
IF_EXISTS = "IfExists"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
FOR_ALL = "ForAllValues:"
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringLike": _like,
    "ArnLike": _like,
    # The reference says that it behaves as ArnLike.
    "ArnEquals": _like,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
}
