"""
Filter patterns of unstructured log events.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html: terms, quoted phrases,
``?`` for any of several, ``-`` for none. moto lets everything through that it cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from moto.logs.exceptions import InvalidParameterException

_TERM = re.compile(r'(?P<sign>[?-]?)(?:"(?P<phrase>[^"]*)"|(?P<word>\w+))(?:\s+|$)')


def matcher(pattern: str) -> Callable[[str], bool]:
    """
    What tells whether a message matches.

    :raises InvalidParameterException: for regular expressions, JSON and columns, which are not supported.
    """
    terms: dict[str, list[str]] = {"": [], "?": [], "-": []}
    left = pattern.strip()
    while left:
        term = _TERM.match(left)
        if term is None:
            raise InvalidParameterException(
                "filterPattern: the embedded AWS supports words and quoted phrases, with ? or - before them,"
                f" got {pattern!r}"
            )
        terms[term["sign"]].append(term["word"] if term["phrase"] is None else term["phrase"])
        left = left[term.end() :]
    # "If you use ? with other terms, those with ? are ignored", the same page says.
    any_of = terms["?"] if not terms[""] and not terms["-"] else []

    def matches(message: str) -> bool:
        return (
            all(term in message for term in terms[""])
            and not any(term in message for term in terms["-"])
            and (not any_of or any(term in message for term in any_of))
        )

    return matches
