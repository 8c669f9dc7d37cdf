"""
Arguments of intrinsic functions: every path and number of the specification, and a syntax error where there
is one.

moto's grammar knows names of letters, digits and ``_`` alone, and one bracket after a name; what it does
not know it skips without a word, so that ``$.detail-type`` is ``$.detail``. It fails at numbers with a
fraction, keeps the backslashes of escapes, and fills in templates as Python does.
https://states-language.net/spec.html#intrinsic-functions
"""

from __future__ import annotations

import re
from typing import Any

from antlr4.error.ErrorListener import ErrorListener
from moto.stepfunctions.parser.asl.antlr.runtime.ASLIntrinsicLexer import ASLIntrinsicLexer
from moto.stepfunctions.parser.asl.antlr.runtime.ASLIntrinsicParser import ASLIntrinsicParser
from moto.stepfunctions.parser.asl.component.intrinsic.argument.argument import ArgumentLiteral
from moto.stepfunctions.parser.asl.component.intrinsic.function.statesfunction.generic.string_format import (
    StringFormat,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.parse.intrinsic import intrinsic_parser
from moto.stepfunctions.parser.asl.parse.intrinsic.preprocessor import Preprocessor

# A string, which may hold anything, or a path with its brackets.
_STRING_OR_PATH = re.compile(r"'(?:\\.|[^'\\])*'|\$(?:\[(?:'[^']*'|[^\[\]']|\[[^\]]*\])*\]|[^\s,()\[\]'])*")
_PLAIN_PATH = re.compile(r"\${1,2}\w*(\[[^\[\]']*\])?(\.\w*(\[[^\[\]']*\])?)*")
_PIECE = re.compile(r"\.?(?P<bracket>\[(?:'[^']*'|[^\[\]']|\[[^\]]*\])*\])|\.(?P<name>[^.\[]+)|(?P<other>.)")
_TEMPLATE_PIECE = re.compile(r"\\(?P<plain>.)|(?P<place>\{\})|(?P<other>[^{}\\]+)|(?P<wrong>.)", re.DOTALL)


class TemplateLiteral(ArgumentLiteral):  # type: ignore[misc]
    """
    A string that is written down.

    :ivar written: with its escapes, by which a template tells a brace from a place.
    """

    written: str


class _Complaints(ErrorListener):  # type: ignore[misc]
    def syntaxError(self, _: Any, __: Any, line: int, column: int, message: str, ___: Any) -> None:  # noqa: N802
        raise ValueError(f"line {line}:{column}, {message}")


def install() -> None:
    """Put it in place."""
    intrinsic_parser.ASLIntrinsicLexer = _lexer
    Preprocessor._replace_escaped_characters = staticmethod(_unescaped)
    intrinsic_parser.ASLIntrinsicParser = _parser
    Preprocessor.visitFunc_arg_float = _visit_float
    Preprocessor.visitFunc_arg_string = _visit_string
    StringFormat._eval_body = _fill_in


def _lexer(stream: Any) -> ASLIntrinsicLexer:
    # As it stands in the definition: a backslash of the function's is written as two in JSON.
    text = stream.strdata.replace("\\\\", "\\")
    lexer = ASLIntrinsicLexer(type(stream)(_STRING_OR_PATH.sub(_readable, text)))
    lexer.removeErrorListeners()
    lexer.addErrorListener(_Complaints())
    return lexer


def _unescaped(found: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t", "r": "\r"}.get(found[1], found[1])


def _parser(tokens: Any) -> ASLIntrinsicParser:
    parser = ASLIntrinsicParser(tokens)
    parser.removeErrorListeners()
    parser.addErrorListener(_Complaints())
    return parser


def _readable(found: re.Match[str]) -> str:
    """A path in the way of writing that the grammar knows."""
    path = found[0]
    if path.startswith("'") or _PLAIN_PATH.fullmatch(path):
        return path
    root = "$$" if path.startswith("$$") else "$"
    return root + "".join(_piece(piece) for piece in _PIECE.finditer(path, len(root)))


def _piece(found: re.Match[str]) -> str:
    if found["bracket"]:
        return f".{found['bracket']}"
    return f".['{found['name']}']" if found["name"] else found[0]


def _visit_float(_: Preprocessor, context: Any) -> ArgumentLiteral:
    return ArgumentLiteral(definition_value=float(context.getText()))


def _visit_string(preprocessor: Preprocessor, context: Any) -> ArgumentLiteral:
    literal = TemplateLiteral(definition_value=preprocessor._text_of_str(context.STRING()))
    literal.written = context.getText()[1:-1]
    return literal


def _fill_in(function: StringFormat, env: Environment) -> None:
    function.argument_list.eval(env=env)
    template, *values = env.stack.pop()
    first = function.argument_list.arguments[0]
    pieces = list(_TEMPLATE_PIECE.finditer(getattr(first, "written", template)))
    places = sum(bool(piece["place"]) for piece in pieces)
    if places != len(values) or any(piece["wrong"] for piece in pieces):
        raise ValueError(f"Invalid template in States.Format: {template}")
    shown = map(function._to_str_repr, values)
    env.stack.append(
        "".join(next(shown) if piece["place"] else piece["plain"] or piece["other"] for piece in pieces)
    )
