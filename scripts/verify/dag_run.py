"""
Runs one DAG from its start to its end in this process, with ``dag.test()``.

Airflow's settings are read from the environment when it is imported, so this is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def main() -> int:
    """Run the DAG and write what came of it; 0 unless it could not be run."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--file", "--dag", "--conf", "--out"):
        parser.add_argument(name, required=True)
    given = parser.parse_args()
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    bag = DagBag(dag_folder=given.file)
    if given.dag not in bag.dags:
        print(f"{given.file}: no DAG {given.dag}: {bag.import_errors}", file=sys.stderr)
        return 1
    run = bag.dags[given.dag].test(run_conf=json.loads(given.conf))
    wanted = select(XComModel).where(XComModel.run_id == run.run_id, XComModel.key == "return_value")
    with create_session() as session:
        xcoms = {item.task_id: XComModel.deserialize_value(item) for item in session.scalars(wanted)}
    Path(given.out).write_text(json.dumps({"state": str(run.state), "xcoms": xcoms}, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
