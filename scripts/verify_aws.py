"""
Prove on an AWS account what the project rests on: a stack that is thrown away, two retrains and a rollback.

Says what it will make and cost, and asks first. Ends with 0 only if it saw all, refuted nothing and left
nothing.
"""

from __future__ import annotations

import argparse
import re
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from botocore.exceptions import BotoCoreError, ClientError

from scripts.airflow_settings import PROJECT
from scripts.aws_account import Account, confirmed, connect
from scripts.aws_stack import DeploymentError
from scripts.verify import pending, report
from scripts.verify.assumptions import judge
from scripts.verify.course import gather
from scripts.verify.evidence import Evidence, Names
from scripts.verify.registry import ASSUMPTIONS
from scripts.verify.removal import Removal
from scripts.verify.report import Verification
from scripts.verify.waiting import RemovalError

PREFIX = "retraining-verify-"
INTERRUPTED = 130


class Interrupted(BaseException):
    """A person or a system wants this to end."""


def verify(account: Account, names: Names, folder: Path) -> Verification:
    """
    Gather the evidence, judge it, and remove everything, whatever happens.

    :param folder: gets a folder of the verification's own.
    :raises Interrupted: after everything was removed
    """
    evidence, removal = Evidence(account, names), Removal(account, names)
    interrupted: Interrupted | None = None
    removed = False
    with pending.noted(folder, account, names):
        try:
            gather(evidence, folder / names.stack, before_deletion=removal.before_deletion)
        except Interrupted as error:
            interrupted = error
            print("\ninterrupted: removing what was made; once more leaves it there", flush=True)
        finally:
            # An error that nobody expected leaves nothing behind either.
            removed = remove(removal, folder)
    if interrupted:
        raise interrupted
    results = [judge(assumption, evidence) for assumption in ASSUMPTIONS]
    return Verification(names, results, evidence.errors, removed)


def remove(removal: Removal, folder: Path) -> bool:
    """Remove what a verification made, and say what is left if that fails."""
    print("removing:", flush=True)
    try:
        removal.run()
    except RemovalError as error:
        print(f"error: {error}\nto remove it: {removal.hint()}", file=sys.stderr)
        return False
    except Interrupted:
        left = "".join(f"\n  {what}" for what in removal.left)
        print(f"interrupted while removing; still there may be:{left}", file=sys.stderr)
        print(f"to remove it: {removal.hint()}", file=sys.stderr)
        raise
    pending.strike(folder, removal.names)
    return True


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let signals be raised as :class:`Interrupted` in the main thread."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise Interrupted

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main() -> int:
    """Verify, or remove what a killed verification left, from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.verify_aws", description=__doc__)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--clean", metavar="STACK", type=_verification, help="only remove what this one left")
    parser.add_argument(
        "--build-dir", type=Path, default=PROJECT / "build", help="gets verify-aws.json and logs"
    )
    options = parser.parse_args()
    folder = options.build_dir / "verify-aws"
    try:
        with _interruptible():
            account = connect()
            left = [Names(options.clean)] if options.clean else pending.killed(folder, account)
            for names in left:
                print(f"in {account} this removes {names.stack}, a verification, and all that it made")
                if not confirmed("Remove this?", yes=options.yes):
                    return 1
                if not remove(Removal(account, names), folder):
                    return 1
            if options.clean:
                return 0
            names = Names(f"{PREFIX}{secrets.token_hex(3)}")
            report.announce(account, names)
            if not confirmed("Do this?", yes=options.yes):
                print("nothing was created")
                return 1
            verification = verify(account, names, folder)
            report.write(options.build_dir / "verify-aws.json", account, verification)
            return 0 if verification.good else 1
    except Interrupted:
        return INTERRUPTED
    except (DeploymentError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _verification(text: str) -> str:
    if not re.fullmatch(rf"{PREFIX}[0-9a-f]{{6}}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; {PREFIX} and six hexadecimal digits are")
    return text


if __name__ == "__main__":
    sys.exit(main())
