"""
Look whether everything is there that the retrains need; changes nothing.

It looks at the local stack where that runs, else from the environment of whoever calls it: Airflow's settings
and connection, and where there is none, the AWS SDK's own (such as AWS_PROFILE).
"""

from __future__ import annotations

import os
import sys

from scripts.airflow_settings import PROJECT
from scripts.components import StackError
from scripts.local_stack import LocalStack


def main() -> int:
    """Run ``python -m retraining.preflight`` where it is to look."""
    stack = LocalStack()
    try:
        os.environ |= stack.environment()
        print(f"the local stack, {stack.aws_url}")
    except StackError:
        # Airflow would make itself a home in the user's.
        os.environ.setdefault("AIRFLOW_HOME", str(PROJECT / "build" / "preflight"))
        print("AWS, as the environment says; the local stack is not running")
    # Airflow reads its settings when it is imported.
    from retraining.preflight.__main__ import main as look

    return look()


if __name__ == "__main__":
    sys.exit(main())
