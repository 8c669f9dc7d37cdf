"""Keeps the tests' own use of Airflow away from a user's: its settings are read when it is imported."""

from __future__ import annotations

import os
from pathlib import Path

BUILD = Path(__file__).parents[1] / "build"
os.environ["AIRFLOW_HOME"] = str(BUILD / "test-airflow")
# Shared by all that compile, the stacks of the end-to-end tests too: it costs 10 s of CPU each.
os.environ["AIRFLOW__RETRAINING__COMPILE_CACHE"] = str(BUILD / "cache" / "definitions")
# The examples have a plugin that listens to tasks, and that changes how tasks may end.
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
