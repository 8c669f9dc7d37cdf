"""
What housekeeping would remove; it removes nothing. The DAG ``retraining_housekeeping`` does.

It looks at the local stack where that runs, else at AWS through the Airflow connection of the environment
(AIRFLOW_CONN_AWS_DEFAULT, or without one the AWS SDK's own settings, such as AWS_PROFILE).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from scripts.airflow_settings import PROJECT
from scripts.components import StackError
from scripts.local_stack import LocalStack


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.housekeeping", description=__doc__)
    parser.add_argument("--model", help="one model only (default: all)")
    parser.add_argument("--state-dir", type=Path, default=PROJECT / "build", help="the local stack's")
    return parser.parse_args()


def main() -> int:
    """Print the plan of every model; 0 when all could be looked at."""
    options = _arguments()
    stack = LocalStack(options.state_dir)
    try:
        os.environ |= stack.environment()
        print(f"the local stack, {stack.aws_url}")
    except StackError:
        os.environ.setdefault("AIRFLOW_HOME", str(PROJECT / "build" / "airflow"))
        print("AWS, as the environment says; the local stack is not running")
    # Airflow reads its settings when it is imported.
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
    from airflow.sdk.exceptions import AirflowException

    from retraining.errors import RetrainingError

    try:
        return _print_plans(options.model)
    except (RetrainingError, AirflowException) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _print_plans(model: str | None) -> int:
    from retraining import settings
    from retraining.hooks.aws_errors import clear_aws_errors
    from retraining.hooks.stack import StackHook
    from retraining.housekeeping.aws.housekeeper import Housekeeper
    from retraining.housekeeping.report import lines
    from retraining.model.folders import load_models

    models, errors = load_models(settings.models_folder())
    specs = [spec for spec in models.values() if model in (None, spec.name)]
    if not specs:
        known = ", ".join(spec.name for spec in models.values())
        print(f"error: --model: {model!r} must be one of {known}", file=sys.stderr)
        return 1
    with clear_aws_errors(settings.aws_conn_id()):
        stack = StackHook(aws_conn_id=settings.aws_conn_id()).read(settings.stack_name())
        print(f"stack {stack.name} of account {stack.account} in {stack.region}")
        for spec in specs:
            retention = spec.retention
            print(f"\n{spec.name}: keeps the newest {retention.count} runs, and {retention.days} days")
            plan = Housekeeper(spec, stack, aws_conn_id=settings.aws_conn_id()).plan()
            for line in lines(plan.verdicts, plan.strangers, plan.now):
                print(f"  {line}")
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
