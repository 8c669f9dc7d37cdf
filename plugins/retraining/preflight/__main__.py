"""Look whether everything is there that the retrains need: ``python -m retraining.preflight``.

It runs in Airflow's environment, with its configuration and its connection, and changes nothing.
"""

from __future__ import annotations

import argparse
import os
import sys

from retraining.preflight.findings import Finding, State, table


def pool(name: str) -> Finding:
    """Look whether Airflow has a pool; a task of one that it has not never starts."""
    from retraining.airflow_internals import DatabaseError, slots_of

    try:
        slots = slots_of(name)
    except DatabaseError as error:
        return Finding("pool", State.UNKNOWN, f"{name} not checked: Airflow's database: {error}")
    if slots is None:
        return Finding(
            "pool", State.PROBLEM, f"{name} does not exist", f"airflow pools set {name} 8 retraining"
        )
    return Finding("pool", State.FINE, f"{name}, {slots} slots")


def main() -> int:
    """Print one table a model and return the exit code: 1 when there is a problem."""
    parser = argparse.ArgumentParser(prog="python -m retraining.preflight", description=__doc__)
    parser.add_argument("model", nargs="*", help="models to look at (default: all)")
    chosen = parser.parse_args().model
    # What Airflow logs of every client that is made would bury the table.
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
    from retraining import settings
    from retraining.airflow_internals import read_connections_of_the_database
    from retraining.model.folders import load_models
    from retraining.preflight.aws.account import PreflightHook
    from retraining.preflight.sdk import sdk_interpreter
    from retraining.workflow.compiler import WorkflowCompiler

    read_connections_of_the_database()
    models, errors = load_models(settings.models_folder())
    specs = {spec.name: (folder, spec) for folder, spec in models.items()}
    if unknown := set(chosen) - specs.keys():
        parser.error(f"{', '.join(sorted(unknown))}: no such model; there are {', '.join(specs)}")
    compiler = WorkflowCompiler(settings.sdk_python(), settings.PROJECT)
    hook = PreflightHook(aws_conn_id=settings.aws_conn_id())
    failed = bool(errors)
    for error in errors:
        sys.stderr.write(f"{error}\n")
    for name, (folder, spec) in specs.items():
        if chosen and name not in chosen:
            continue
        sdk = sdk_interpreter(compiler.python, compiler.pins, is_needed=compiler.needs_sdk(folder))
        found = [*hook.look(spec, settings.stack_name()), sdk, pool(spec.pool)]
        sys.stdout.write("\n".join([f"== {name}", *table(found), ""]))
        failed |= any(finding.state is State.PROBLEM for finding in found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
