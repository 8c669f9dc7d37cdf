"""
Each definition is read by itself.

moto keeps the query languages of the scopes that it is in for all readers together: a definition that could
not be read to its end, or two that are read at once, leave JSONata behind for every one after them.
LocalStack's original has them for each reader.
"""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor


def install() -> None:
    """Put it in place."""
    begin = Preprocessor.__init__

    def begin_alone(reader: Preprocessor, *arguments: Any, **options: Any) -> None:
        begin(reader, *arguments, **options)
        reader._query_language_per_scope = []

    Preprocessor.__init__ = begin_alone
