"""
Each definition is read by itself, and a state without a language of its own is written in the state
machine's.

moto keeps the query languages of the scopes that it is in for all readers together: a definition that could
not be read to its end, or two that are read at once, leave JSONata behind for every one after them.
LocalStack's original has them for each reader. Both let the states within a Map or Parallel state inherit its
language; AWS does not (measured: github.com/floci-io/floci/issues/2968).
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
    enter = Preprocessor._open_query_language_scope

    def enter_from_the_top(reader: Preprocessor, tree: Any) -> None:
        around = reader._query_language_per_scope
        reader._query_language_per_scope = around[:1]
        enter(reader, tree)
        reader._query_language_per_scope = [*around, reader._query_language_per_scope[-1]]

    Preprocessor._open_query_language_scope = enter_from_the_top
