"""The packages that Lambda's Python runtime has, and no others: what /var/runtime is on AWS."""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

# https://docs.aws.amazon.com/lambda/latest/dg/python-package.html: the SDK with what it needs; and the
# runtime client with what that needs.
INCLUDED = (
    *("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3"),
    *("awslambdaric", "simplejson", "snapshot-restore-py"),
)


def link(folder: Path) -> None:
    """
    Make a folder of links to the packages, which are this interpreter's own, unless it is there.

    :param folder: its name.
    """
    if folder.exists():
        return
    unfinished = folder.with_suffix(".unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    for package in map(distribution, INCLUDED):
        for name in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
            link = unfinished / name
            link.unlink(missing_ok=True)
            link.symlink_to(str(package.locate_file(name)))
    unfinished.rename(folder)
