"""Puts something in moto's place."""

from __future__ import annotations

import sys
from typing import Any

STATES = "moto.stepfunctions.parser"


def replace_everywhere(name: str, old: Any, new: Any, *, package: str = STATES) -> None:
    """
    Replace a function or a class wherever it was imported by name.

    :param package: in whose modules.
    """
    for module in [found for key, found in sys.modules.items() if key.startswith(package)]:
        if getattr(module, name, None) is old:
            setattr(module, name, new)
