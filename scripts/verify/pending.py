"""Notes of verifications that are under way, so that what a killed one left can be removed by the next."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.aws_account import Account
from scripts.verify.evidence import Names
from scripts.verify.which_aws import stand_in

NOTE = "not-removed.json"


@contextmanager
def noted(folder: Path, account: Account, names: Names) -> Iterator[None]:
    """
    Note, before anything is made, that there will be something to remove.

    The note is locked as long as this process lives, and stays until :func:`strike`.

    :param folder: has a folder for each verification.
    """
    home = folder / names.stack
    home.mkdir(parents=True, exist_ok=True)
    with (home / NOTE).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(_place(account)))
        file.flush()
        yield


def strike(folder: Path, names: Names) -> None:
    """Forget a verification: all was removed."""
    (folder / names.stack / NOTE).unlink(missing_ok=True)


def killed(folder: Path, account: Account) -> list[Names]:
    """Find verifications of this account and region that have ended and were not removed."""
    return [
        Names(path.parent.name)
        for path in sorted(folder.glob(f"*/{NOTE}"))
        if json.loads(path.read_text()) == _place(account) and not _is_locked(path)
    ]


def _is_locked(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _place(account: Account) -> dict[str, str]:
    return {"account": account.number, "region": account.region, "stand-in": stand_in(account)}
