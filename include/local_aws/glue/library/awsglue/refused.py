"""What this layer does not have, by name: a script must not get another answer than on AWS without a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn


def refuse(what: str) -> NoReturn:
    """
    Say what is missing.

    :raises NotImplementedError: always.
    """
    raise NotImplementedError(f"awsglue of the embedded AWS does not have {what}")


def only(given: Mapping[str, Any], known: Iterable[str], of: str) -> None:
    """
    Look at options.

    :raises NotImplementedError: when one is not among those that are known.
    """
    if unknown := sorted(set(given) - set(known)):
        refuse(f"{unknown[0]!r} in {of}")
