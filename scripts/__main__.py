"""Start Airflow and the embedded AWS on this machine, stop them, or run an ``airflow`` command on them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scripts.airflow_settings import PROJECT
from scripts.components import StackError
from scripts.local_stack import LocalStack

DEFAULT_AIRFLOW_PORT = 8080
DEFAULT_AWS_PORT = 4566


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts", description=__doc__)
    parser.add_argument("--state-dir", type=Path, default=PROJECT / "build", help="default: %(default)s")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start what does not run yet")
    up.add_argument("--airflow-port", type=int, default=DEFAULT_AIRFLOW_PORT, help="default: %(default)s")
    up.add_argument("--aws-port", type=int, default=DEFAULT_AWS_PORT, help="default: %(default)s")
    commands.add_parser("down", help="stop everything")
    airflow = commands.add_parser("airflow", help="run an airflow command, such as: backfill create --help")
    airflow.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args()


def main() -> int:
    """Run one command and return the exit code."""
    options = _arguments()
    try:
        match options.command:
            case "down":
                print(f"stopped ({LocalStack(options.state_dir).down()} processes)")
            case "airflow":
                done = LocalStack(options.state_dir).airflow(*options.arguments)
                print(done.stdout, end="")
                return done.returncode
            case "up":
                stack = LocalStack(
                    options.state_dir, airflow_port=options.airflow_port, aws_port=options.aws_port
                )
                stack.up()
                print(f"Airflow:       {stack.airflow_url}\nembedded AWS:  {stack.aws_url}")
                print("`make down` stops everything.")
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
