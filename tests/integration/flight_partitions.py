"""Builds the flights' partitions in the interpreter that has the dataset."""

from __future__ import annotations

import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[2]
# A Thursday night, far from the turn of the shifted week.
NOW = "2026-11-26T23:30:00"
_BUILD = """
import sys
from datetime import datetime
from pathlib import Path
from include.local_aws.flights import build_partitions
print(build_partitions(datetime.fromisoformat(sys.argv[1]), Path(sys.argv[2])))
"""


def build_partitions(cache_dir: Path) -> Path:
    """
    Build them as the embedded AWS does at :data:`NOW`.

    :return: a folder of ``date=YYYY-MM-DD/*.parquet``
    """
    command = [str(PROJECT / ".venv-local-aws/bin/python"), "-c", _BUILD, NOW, str(cache_dir)]
    done = subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())
