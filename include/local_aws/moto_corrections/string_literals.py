"""
Strings of a definition are JSON's: ``"say \\"no\\""`` is ``say "no"`` wherever it stands.

moto reads them as Python's, which knows other escapes (``\\/`` stays two characters, an emoji becomes two
halves), and in Assign and ItemSelector not at all: https://www.rfc-editor.org/rfc/rfc8259#section-7
"""

from __future__ import annotations

import json
from typing import Any

from moto.stepfunctions.parser.asl.antlt4utils import antlr4utils
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from include.local_aws.moto_corrections.replacing import replace_everywhere


def install() -> None:
    """Put it in place."""
    read = antlr4utils.from_string_literal
    replace_everywhere(read.__name__, read, _text)
    Preprocessor._inner_string_of = staticmethod(_text)


def _text(parser_rule_context: Any) -> str | None:
    """The string that a part of a definition is; None is its null."""
    text: str = parser_rule_context.getText()
    if text == "null":
        return None
    return str(json.loads(text)) if text.startswith('"') else text
