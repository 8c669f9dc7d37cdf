"""
A name that is a word of the language elsewhere is a plain name where a name stands.

moto's lexer has a token for each word of the language, wherever it stands: ``"RoleArn.$"`` in Parameters is
taken for the field of Credentials and is not resolved, and ``"ErrorPath"`` or ``"JSONPath"`` as a key or a
value of one's own is a syntax error. Names of states and what is in a payload template are free:
https://states-language.net/spec.html#payload-template
"""

from __future__ import annotations

from typing import Any

from antlr4 import Token
from moto.stepfunctions.parser.asl.antlr.runtime.ASLLexer import ASLLexer
from moto.stepfunctions.parser.asl.parse import asl_parser
from moto.stepfunctions.parser.asl.parse.test_state import asl_parser as test_state_parser

# What an object or a list holds: fields of the language, names of states, or whatever its author likes.
FIELDS, NAMES, FREE = "fields", "names", "free"
OPENING, CLOSING = (ASLLexer.LBRACE, ASLLexer.LBRACK), (ASLLexer.RBRACE, ASLLexer.RBRACK)
# Fields whose value is the author's.
TEMPLATES = {
    ASLLexer.PARAMETERS,
    ASLLexer.RESULTSELECTOR,
    ASLLexer.ITEMSELECTOR,
    ASLLexer.RESULT,
    ASLLexer.ASSIGN,
    ASLLexer.ARGUMENTS,
    ASLLexer.OUTPUT,
    ASLLexer.ITEMS,
}
# Fields whose value is a word of the language.
CHOSEN = {
    ASLLexer.TYPE,
    ASLLexer.QUERYLANGUAGE,
    ASLLexer.MODE,
    ASLLexer.EXECUTIONTYPE,
    ASLLexer.JITTERSTRATEGY,
    ASLLexer.ERROREQUALS,
}
# Strings that are no words of the language: paths, functions and plain ones.
STRINGS = {
    ASLLexer.STRINGDOLLAR,
    ASLLexer.STRINGPATHCONTEXTOBJ,
    ASLLexer.STRINGPATH,
    ASLLexer.STRINGVAR,
    ASLLexer.STRINGINTRINSICFUNC,
    ASLLexer.STRINGJSONATA,
    ASLLexer.STRING,
}


class NameLexer(ASLLexer):  # type: ignore[misc]
    """A lexer that knows where a word is one of the language."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        # Of each open bracket, which it is and what is in it.
        self._open: list[tuple[int, str]] = [(ASLLexer.LBRACK, FIELDS)]
        self._field: int | None = None
        self._last: int | None = None

    def nextToken(self) -> Any:  # noqa: N802 - ANTLR's name
        """The next token, a word that is only a name turned into a string."""
        token = super().nextToken()
        if token.type in OPENING:
            self._open.append((token.type, self._inside()))
        elif token.type in CLOSING:
            if len(self._open) > 1:
                self._open.pop()
        elif token.type != Token.EOF and token.text.startswith('"'):
            self._read_string(token)
        elif token.type == ASLLexer.INT and self._field == ASLLexer.TOLERATEDFAILUREPERCENTAGE:
            # A percentage without a fraction is one too.
            token.type = ASLLexer.NUMBER
        self._last = token.type
        return token

    def _inside(self) -> str:
        _, around = self._open[-1]
        if around == FREE or (around == FIELDS and self._field in TEMPLATES):
            return FREE
        return NAMES if around == FIELDS and self._field == ASLLexer.STATES else FIELDS

    def _read_string(self, token: Any) -> None:
        bracket, around = self._open[-1]
        if bracket == ASLLexer.LBRACE and self._last in (ASLLexer.LBRACE, ASLLexer.COMMA):
            # What follows the name of a state is not the value of a field.
            self._field = token.type if around == FIELDS else None
            if around == FIELDS:
                return
        if token.type not in STRINGS and not (around == FIELDS and self._field in CHOSEN):
            token.type = ASLLexer.STRINGDOLLAR if token.text.endswith('.$"') else ASLLexer.STRING


def install() -> None:
    """Put it in place."""
    for module in (asl_parser, test_state_parser):
        module.ASLLexer = NameLexer
