"""
What a sandbox runs: AWS's own runtime client for Python, as a user that owns none of the function's code.

The function's handler is in _HANDLER, its code in LAMBDA_TASK_ROOT, the packages that Lambda has in
LAMBDA_RUNTIME_DIR, and those of the function's layers, one after the other, in LAYER_PATHS.
"""

from __future__ import annotations

import errno
import os
import site
import stat
import sys
from pathlib import Path
from typing import Any

# Where AWS has the code.
TASK_ROOT = "/var/task"


def _run_as_another_user(root: Path) -> None:
    """
    Let the code read only what everybody may, as Lambda's user does, which owns none of it.

    https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html: "permission denied". This
    process owns the files, or is root, so that the system itself would let it.
    """

    def check(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "os.listdir", "os.scandir") or not isinstance(arguments[0], str):
            return
        path = Path(os.path.abspath(arguments[0]))  # noqa: PTH100 - links are not followed
        if path.is_relative_to(root) and not _readable(path, root):
            seen = f"{TASK_ROOT}/{path.relative_to(root).as_posix()}"
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), seen)

    os.umask(0o022)  # so that what Python caches stays readable
    sys.addaudithook(check)


def _readable(path: Path, root: Path) -> bool:
    """Whether everybody may read a file or list a folder: its own permissions, and the way to it."""
    folders = [parent for parent in path.parents if parent.is_relative_to(root)]
    try:
        passable = all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)
        return passable and bool(path.stat().st_mode & stat.S_IROTH)
    except FileNotFoundError:
        return True  # which is found out by opening it


def main() -> None:
    root, layers = os.environ["LAMBDA_TASK_ROOT"], os.environ.pop("LAYER_PATHS")
    # The order is AWS's: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html. The site packages
    # of this interpreter are not on the path: what Lambda lacks is to be missing here too.
    sys.path[:0] = [root, *filter(None, layers.split(os.pathsep)), os.environ["LAMBDA_RUNTIME_DIR"]]
    # The built-in exit and quit, which came with the site packages.
    site.setquit()
    from awslambdaric.__main__ import main as run

    _run_as_another_user(Path(root))
    run([sys.argv[0], os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
