"""
What a Choice takes for a timestamp, and what matches a pattern.

moto knows timestamps in whole seconds of UTC alone; they are those of RFC 3339, with fractions and offsets:
https://states-language.net/spec.html#timestamps. And it matches as file names are matched, where ``?`` and
``[`` mean more; only ``*`` does, unless a backslash stands before it:
https://states-language.net/spec.html#choice-state.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations.is_operator import (  # noqa: E501
    IsTimestamp,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations.string_operators import (  # noqa: E501
    StringMatches,
)

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?P<fraction>\.\d+)?(?P<zone>Z|[+-]\d\d:\d\d)")
_PATTERN_PIECE = re.compile(r"\\(?P<plain>[\\*])|(?P<any>\*)|(?P<other>.)", re.DOTALL)


def install() -> None:
    """Put it in place."""
    IsTimestamp.string_to_timestamp = staticmethod(timestamp)
    StringMatches._compare = staticmethod(matches)


def timestamp(string: str) -> datetime | None:
    """The moment that a timestamp means, or None if it is none."""
    if not (found := _RFC_3339.fullmatch(string)):
        return None
    try:
        # Python knows no more than microseconds.
        moment = datetime.fromisoformat(f"{string[:19]}{(found['fraction'] or '')[:7]}{found['zone']}")
    except ValueError:
        return None
    return moment.astimezone(UTC)


def matches(variable: Any, pattern: str) -> bool:
    """Whether a value is a string that a pattern matches."""
    if not isinstance(variable, str):
        return False
    pieces = (
        ".*" if found["any"] else re.escape(found["plain"] or found["other"])
        for found in _PATTERN_PIECE.finditer(pattern)
    )
    return re.fullmatch("".join(pieces), variable, re.DOTALL) is not None
