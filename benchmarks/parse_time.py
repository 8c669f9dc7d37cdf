"""How long the DAG files take to parse, each time in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

# The DAG processor is an Airflow process that forks for every file: what that has imported is free.
_CHILD = """
import sys, time
from airflow.dag_processing.dagbag import DagBag
began = time.process_time()
bag = DagBag(sys.argv[1], bundle_path=None)
seconds = time.process_time() - began
if bag.import_errors or not bag.dags:
    sys.exit(f"no DAGs: {bag.import_errors}")
print(f"PARSED {seconds} {time.process_time()}")
"""


@dataclass(frozen=True)
class ParseTime:
    """CPU seconds, medians.

    :param file: for the file, in an Airflow process.
    :param process: for a whole process that imports Airflow and parses the file.
    """

    file: float
    process: float


def parse_times(files: Sequence[Path], environment: Mapping[str, str], times: int) -> dict[Path, ParseTime]:
    """Parse files in turn.

    :param environment: of an Airflow component.
    :param times: how often each file is parsed, after once to warm up.
    :raises RuntimeError: when a file gives no DAG.
    """
    taken: dict[Path, list[tuple[float, float]]] = {file: [] for file in files}
    for round_ in range(times + 1):
        for file in files:
            found = _parse(file, environment)
            if round_:
                taken[file].append(found)
    return {
        file: ParseTime(median(file_ for file_, _ in found), median(process for _, process in found))
        for file, found in taken.items()
    }


def _parse(file: Path, environment: Mapping[str, str]) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(file)],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        if line.startswith("PARSED "):
            parsed, process = line.split()[1:]
            return float(parsed), float(process)
    raise RuntimeError(f"{file} cannot be parsed:\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}")
