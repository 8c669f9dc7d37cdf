"""Compile a model folder: ``{"model": "include/models/flight_delay"}`` in, the compiled model out, as JSON.

A pure function of the folder: it needs neither credentials nor network, and knows no AWS account. What
depends on the account has names in the definition, and the training image is given by region. With
``"graph": "build/graph.html"`` the graph is rendered to that file, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

# render_graph draws for a notebook, which has RequireJS loaded already.
GRAPH_PAGE = '<!doctype html><script src="https://cdn.jsdelivr.net/npm/requirejs@2.3.7/require.js"></script>'


def _compile(model: Path, graph_file: Path | None) -> dict[str, Any]:
    from retraining.model.folders import load_spec
    from retraining.workflow.surroundings import NAMED

    spec = load_spec(model)  # before the SDK is imported, which takes seconds
    # The SDK takes the partition of its ARNs from the session's region.
    os.environ["AWS_DEFAULT_REGION"] = NAMED.region

    from stepfunctions.workflow import Workflow

    from include.workflow.compilation import compilation
    from include.workflow.definition import build_definition

    # The SDK has put rich's hook in, which prints errors among the definition.
    sys.excepthook = sys.__excepthook__
    graph = build_definition(spec, NAMED)
    if graph_file:
        workflow = Workflow(name=spec.name, definition=graph, role=NAMED.training_role)
        graph_file.parent.mkdir(parents=True, exist_ok=True)
        graph_file.write_text(GRAPH_PAGE + workflow.render_graph(portrait=True).data)
    return compilation(spec, graph)


def main() -> int:
    """Print the compiled model on standard output; everything else goes to standard error."""
    from retraining.errors import RetrainingError

    given = json.load(sys.stdin)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            compiled = _compile(Path(given["model"]), Path(given["graph"]) if "graph" in given else None)
    except RetrainingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{json.dumps(compiled, indent=2)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
