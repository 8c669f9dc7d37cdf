"""``awsglue.utils``: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-get-resolved-options.html."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

BOOKMARKS = ("job-bookmark-enable", "job-bookmark-pause", "job-bookmark-disable")
# What Glue gives by itself, and whether a script may ask for it too, as AWS's library has it
# (github.com/awslabs/aws-glue-libs, awsglue/utils.py and awsglue/job.py).
_RESERVED = (
    *("job-bookmark-option", "continuation-option", "job-bookmark-from", "job-bookmark-to"),
    *("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION", "encryption-type", "enable-data-lineage"),
)
_TEMPORARY = ("TempDir", "RedshiftTempDir")
_OLD_BOOKMARKS = ("continuation-enabled", "continuation-readonly", "continuation-ignore")


class GlueArgumentError(Exception):
    """An argument of the job is missing or wrong."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise GlueArgumentError(message)


def getResolvedOptions(args: Sequence[str], options: Iterable[str]) -> dict[str, Any]:  # noqa: N802
    """
    Read a job's arguments.

    :param args: ``sys.argv``.
    :param options: names without dashes, each of which has to be there.
    :raises GlueArgumentError: when one is not.
    """
    parser = _Parser()
    wanted = [name for name in options if name not in _TEMPORARY]
    # AWS refuses to hand out as an option of the script what is its own; the run's ids it gives anyhow.
    if mine := [name for name in wanted if name in _RESERVED and not name.isupper()]:
        raise RuntimeError(f"Using reserved arguments {mine[0]}")
    choices = {"job-bookmark-option": BOOKMARKS, "continuation-option": _OLD_BOOKMARKS}
    for name in (*_RESERVED, *_TEMPORARY):
        if name not in wanted:
            parser.add_argument(f"--{name}", choices=choices.get(name))
    for name in dict.fromkeys(wanted):
        parser.add_argument(f"--{name}", required=True)
    found = vars(parser.parse_known_args(list(args)[1:])[0])
    found["TempDir"] = found["RedshiftTempDir"] = found["TempDir"] or found["RedshiftTempDir"]
    old = found.pop("continuation_option")
    translated = BOOKMARKS[_OLD_BOOKMARKS.index(old)] if old else BOOKMARKS[-1]
    found["job_bookmark_option"] = found["job_bookmark_option"] or translated
    return found
