"""Compile a model folder into Amazon States Language.

A pure function of its arguments: it needs neither credentials nor network.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path

# render_graph draws for a notebook, which has RequireJS loaded already.
GRAPH_PAGE = '<!doctype html><script src="https://cdn.jsdelivr.net/npm/requirejs@2.3.7/require.js"></script>'


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m include.workflow", description=__doc__)
    parser.add_argument("model", type=Path, help="model folder, such as include/models/flight_delay")
    parser.add_argument(
        "--stack", default="model-retraining", help="the CloudFormation stack (default: %(default)s)"
    )
    parser.add_argument("--region", default="us-east-1", help="AWS region (default: %(default)s)")
    parser.add_argument("--bucket", required=True, help="the stack's bucket")
    parser.add_argument("--training-role", required=True, help="ARN of the role that trains and serves")
    parser.add_argument("--transform-uri", required=True, help="s3:// URI of the model's transform.sql")
    parser.add_argument("--subnets", type=_ids, default=(), help="subnet IDs, separated by commas")
    parser.add_argument("--security-groups", type=_ids, default=(), help="security group IDs, likewise")
    parser.add_argument("--kms-key", help="ARN of the key for volumes and trained models")
    parser.add_argument("--graph", type=Path, help="also render the graph, as HTML, to this file")
    return parser.parse_args()


def _ids(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _compile(given: argparse.Namespace) -> str:
    from retraining.model.folders import load_spec

    spec = load_spec(given.model)  # before the SDK is imported, which takes seconds

    from stepfunctions.workflow import Workflow

    from include.workflow.definition import build_definition
    from include.workflow.steps import Surroundings

    # The SDK has put rich's hook in, which prints errors among the definition.
    sys.excepthook = sys.__excepthook__
    aws = Surroundings(
        stack=given.stack,
        region=given.region,
        bucket=given.bucket,
        training_role=given.training_role,
        transform_uri=given.transform_uri,
        subnets=given.subnets,
        security_groups=given.security_groups,
        kms_key=given.kms_key,
    )
    graph = build_definition(spec, aws)
    if given.graph:
        workflow = Workflow(name=spec.name, definition=graph, role=given.training_role)
        given.graph.parent.mkdir(parents=True, exist_ok=True)
        given.graph.write_text(GRAPH_PAGE + workflow.render_graph(portrait=True).data)
    return str(graph.to_json(pretty=True))


def main() -> int:
    """Print the definition on standard output; everything else goes to standard error."""
    from retraining.errors import RetrainingError

    given = _arguments()
    # The SDK takes the partition of its ARNs from the session's region.
    os.environ["AWS_DEFAULT_REGION"] = given.region
    try:
        with contextlib.redirect_stdout(sys.stderr):
            definition = _compile(given)
    except RetrainingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{definition}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
