"""
JSONPaths give what AWS gives: a definite path its one value, another path a list of what it finds.

moto looks at what was found, so that ``$.a[0].b`` is a list of one. AWS reads paths as Jayway's JsonPath
does, which looks at the path: https://github.com/json-path/JsonPath#what-is-returned-when. That an
indefinite path which finds nothing is an empty list, and a definite one an error, is what AWS answered
LocalStack (tests/aws/services/stepfunctions/v2/base/test_base.snapshot.json).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from jsonpath_ng.ext import parse
from jsonpath_ng.ext.iterable import Len
from jsonpath_ng.jsonpath import Child, Fields, Index, JSONPath, Root, Slice
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from include.local_aws.moto_corrections.replacing import replace_everywhere

# A quoted string, a bracket with its own brackets (of a filter), or a name after a dot.
_PIECE = re.compile(
    r"""(?P<bracket>\[(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\[[^\]]*\]|[^\[\]'"])*\])"""
    r"""|\.(?P<length>length\(\))|\.(?P<name>[^.\[\]()*\s]+)(?=[.\[]|$)|(?P<other>.)""",
    re.DOTALL,
)
# One dot before a bracket means nothing.
_DOT = re.compile(r"(?<!\.)\.(?=\[)")


def install() -> None:
    """Put it in place."""
    replace_everywhere("extract_json", json_path.extract_json, extract_json)


@lru_cache(maxsize=1024)
def parsed(path: str) -> JSONPath:
    """
    A path as jsonpath_ng reads it.

    :raises Exception: jsonpath_ng's, when it is none, or has something that jsonpath_ng does not know.
    """
    # Names are whatever stands between dots, where jsonpath_ng takes some for words of its own.
    return parse("".join(_piece(found) for found in _PIECE.finditer(_DOT.sub("", path))))


def _piece(found: re.Match[str]) -> str:
    if found["length"]:
        return ".`len`"
    if name := found["name"]:
        quoted = name.replace("\\", "\\\\").replace("'", "\\'")
        before = found.string[: found.start()]
        return f".['{quoted}']" if before.endswith(".") else f"['{quoted}']"
    return found[0]


def is_definite(path: JSONPath) -> bool:
    """Whether a path can only ever mean one thing."""
    match path:
        case Root() | Len():
            return True
        case Child():
            return is_definite(path.left) and is_definite(path.right)
        case Fields():
            return len(path.fields) == 1 and path.fields[0] != "*"
        case Index():
            return len(path.indices) == 1
    return False


def extract_json(path: str, data: Any) -> Any:
    """
    What a path finds.

    :raises NoSuchJsonPathError: when a definite path finds nothing.
    """
    found = parsed(path)
    matches = found.find(data)
    if is_definite(found):
        if not matches:
            raise NoSuchJsonPathError(json_path=path, data=data)
        return matches[0].value
    match found:
        case Child(left=left, right=Fields(fields=fields)) if len(fields) > 1 and is_definite(left):
            # Several names at the end of a path make one object.
            return {match.path.fields[0]: match.value for match in matches}
        case Child(left=Root(), right=Slice(start=start, end=end)) if (start, end) != (None, None):
            if not isinstance(data, list):
                raise NoSuchJsonPathError(json_path=path, data=data)
    return [match.value for match in matches]
