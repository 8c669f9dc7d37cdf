"""Keeps the tests' own use of Airflow away from a user's: its settings are read when it is imported."""

from __future__ import annotations

import os
from pathlib import Path

os.environ["AIRFLOW_HOME"] = str(Path(__file__).parents[1] / "build" / "test-airflow")
# The examples have a plugin that listens to tasks, and that changes how tasks may end.
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
