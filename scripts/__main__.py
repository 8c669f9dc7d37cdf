"""``python -m scripts up`` starts Airflow and the embedded AWS; ``down`` stops them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scripts.airflow_settings import PROJECT
from scripts.components import StackError
from scripts.local_stack import LocalStack

DEFAULT_AIRFLOW_PORT = 8080
DEFAULT_AWS_PORT = 4566


def main() -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    parser.add_argument("--state-dir", type=Path, default=PROJECT / "build")
    parser.add_argument("--airflow-port", type=int, default=DEFAULT_AIRFLOW_PORT)
    parser.add_argument("--aws-port", type=int, default=DEFAULT_AWS_PORT)
    options = parser.parse_args()
    stack = LocalStack(options.state_dir, airflow_port=options.airflow_port, aws_port=options.aws_port)
    if options.command == "down":
        print(f"stopped ({stack.down()} processes)")
        return 0
    try:
        stack.up()
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(
        f"Airflow:       {stack.airflow_url}\nembedded AWS:  {stack.aws_url}\n`make down` stops everything."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
