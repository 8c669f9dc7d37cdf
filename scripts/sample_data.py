"""Put the sample flights into the stack's bucket, so that the first model has something to train on."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime

from botocore.exceptions import BotoCoreError, ClientError

from include.local_aws.flights import PREFIX, lay_flights, partitions
from scripts import aws_stack
from scripts.airflow_settings import PROJECT
from scripts.aws_account import confirmed, connect
from scripts.aws_stack import DeploymentError

CACHE = PROJECT / "build" / "cache"


def lay(stack_name: str, *, yes: bool, days: tuple[date, date] | None = None) -> bool:
    """
    Upload the flights of 2013, and the same flights moved to lie around now.

    :param days: only those that landed from the one to the other
    :param yes: do not ask
    :return: False when the person said no
    :raises DeploymentError: when there is no such stack
    """
    account = connect()
    stack = aws_stack.describe(account.session.client("cloudformation"), stack_name)
    if stack is None:
        raise DeploymentError(f"there is no stack {stack_name} in {account.region}")
    bucket = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}["Bucket"]
    now = datetime.now(UTC)
    files = partitions(now, CACHE, days)
    size = sum(file.stat().st_size for file in files) / 2**20
    print(f"this will upload {len(files)} objects, {size:.0f} MiB, to s3://{bucket}/{PREFIX}/ in {account}")
    if not confirmed("Do this?", yes=yes):
        print("nothing was uploaded")
        return False
    lay_flights(account.session.client("s3"), bucket, now=now, cache_dir=CACHE, days=days)
    print("done")
    return True


def main() -> int:
    """Lay the data from the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.sample_data", description=__doc__)
    parser.add_argument("--stack-name", default="model-retraining", help="default: %(default)s")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    for name in ("--from", "--to"):
        parser.add_argument(
            name, type=date.fromisoformat, metavar="YYYY-MM-DD", help="only these days; needs both"
        )
    options = vars(parser.parse_args())
    first, last = options["from"], options["to"]
    if (first is None) != (last is None):
        parser.error("--from and --to: one needs the other")
    try:
        return (
            0 if lay(options["stack_name"], yes=options["yes"], days=(first, last) if first else None) else 1
        )
    except (DeploymentError, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
